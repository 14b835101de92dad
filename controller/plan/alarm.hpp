#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// Something that a person has to know; in the audit trail's words.
struct Alarm {
    std::string because;
    std::string text;      ///< cause and remedy
    int error = 0;         ///< errno of a failed system call, else 0
    std::string subject{}; ///< the interface or backend that it is about, if it is about one
    /// Over by itself after this; nullopt: somebody finds that its cause is gone.
    std::optional<std::chrono::steady_clock::duration> lasts{};
    std::optional<std::chrono::milliseconds> amount{}; ///< how long or how far, where that is known

    std::string_view about{"interface"}; ///< what `subject` names

    friend bool operator==(Alarm const&, Alarm const&) = default;
};

} // namespace pointsman
