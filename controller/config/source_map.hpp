#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pointsman {

/// A stretch of one line of the file; counts from 1.
struct Place {
    unsigned line = 1;
    unsigned column = 1;
    unsigned length = 1;

    friend bool operator==(Place const&, Place const&) = default;
};

struct KeyPlace {
    Place key;
    Place value; ///< of a table: its header
};

/// Where each key of a file stands. Paths read "datapath.nat_ports", "datapath.interfaces[0]" and
/// "service[2].backend[0].address"; array elements count from 0, in the order of the file.
struct SourceMap {
    std::string file;
    std::map<std::string, KeyPlace, std::less<>> keys;

    /// The place of the path's value, or of the innermost table around it that the file contains, or the
    /// first line.
    [[nodiscard]] Place value_at(std::string_view path) const;
};

} // namespace pointsman
