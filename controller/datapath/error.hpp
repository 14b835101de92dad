#pragma once

#include <stdexcept>
#include <string>

namespace pointsman {

/// The kernel or the host refused something that the datapath cannot start without. what() is one line that
/// names the cause and the remedy. Thrown at start-up only; everything done before is undone by its owners.
class DatapathError : public std::runtime_error {
public:
    DatapathError(std::string const& cause, std::string const& remedy)
        : runtime_error{cause + "; " + remedy} {}
};

} // namespace pointsman
