#pragma once

// The only header that includes the TOML parser: for the sources of this folder alone.

#include "controller/config/problems.hpp"
#include "controller/config/schema.hpp"
#include "controller/config/values.hpp"
#include "controller/model/names.hpp"

#include <toml++/toml.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

[[nodiscard]] Place place_of(toml::source_region const& region);

/// "a string": completes "found ...".
[[nodiscard]] std::string_view type_of(toml::node const& node);

/// Reads the keys of one table by its specification. Every `read` leaves its target alone when the key is
/// absent, and when the value is bad, which it reports.
class TableReader {
public:
    /// `owner` names the service or backend in messages; it may be empty.
    TableReader(toml::table const& table, TableSpec const& spec, std::string const& owner,
                Problems& problems);

    [[nodiscard]] bool has(std::string_view key) const { return table_->contains(key); }
    [[nodiscard]] Place key_at(std::string_view key) const; ///< the table's header when there is no such key
    void warn_at(std::string_view key, std::string message, std::string hint) const;
    /// At the key's value, or the table's header when there is no such key.
    void error_at(std::string_view key, std::string message, std::string hint) const;
    [[nodiscard]] bool is_boolean(std::string_view key) const {
        auto const* node = table_->get(key);
        return node != nullptr && node->is_boolean();
    }
    [[nodiscard]] TableSpec const& spec() const noexcept { return *spec_; }

    /// Reports unknown keys and missing required ones.
    void check_keys() const;

    void read(std::string_view key, bool& out) const;
    void read(std::string_view key, std::string& out) const;
    void read(std::string_view key, Duration& out) const;
    void read(std::string_view key, Address& out) const;
    void read(std::string_view key, PortRange& out) const; ///< also from an integer
    void read(std::string_view key, MssClamp& out) const;
    void read(std::string_view key, HashSeed& out) const;
    void read(std::string_view key, std::optional<Window>& out) const;
    void read(std::string_view key, std::vector<StatusRange>& out) const;
    void read(std::string_view key, std::vector<std::string>& out) const;
    void read(std::string_view key, std::vector<Address>& out) const;
    void read(std::string_view key, std::vector<Prefix>& out) const;
    void read(std::string_view key, std::vector<HttpField>& out) const;
    /// A list in which a text may appear twice.
    void read_words(std::string_view key, std::vector<std::string>& out) const;

    template<std::integral Integer>
    void read(std::string_view key, Integer& out) const {
        if (auto const value = integer(key)) out = static_cast<Integer>(*value);
    }
    void read(std::string_view key, std::optional<std::uint16_t>& out) const {
        if (auto const value = integer(key)) out = static_cast<std::uint16_t>(*value);
    }

    /// The value whose name_of is the text. A choice that the schema knows and `values` lacks is unsupported,
    /// and so already reported. True if the value was read.
    template<typename Enum>
    bool read_choice(std::string_view key, Enum& out, std::initializer_list<Enum> values) const {
        auto const word = text(key);
        for (Enum const value : values) {
            if (!word || name_of(value) != *word) continue;
            out = value;
            return true;
        }
        return false;
    }

private:
    [[nodiscard]] KeySpec const& spec_of(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> checked_integer(KeySpec const& key,
                                                              toml::node const& node) const;
    [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
    [[nodiscard]] std::optional<std::string> checked_text(KeySpec const& key, toml::node const& node) const;
    [[nodiscard]] std::vector<std::string> list(std::string_view key) const;
    [[nodiscard]] bool is_acceptable(KeySpec const& key, std::string const& value, Place place) const;
    void report_unknown(toml::key const& key) const;
    void report_wrong_type(KeySpec const& key, toml::node const& node) const;
    void report_malformed(KeySpec const& key, std::string const& value, Place place) const;

    toml::table const* table_;
    TableSpec const* spec_;
    std::string label_;
    Problems* problems_;
};

} // namespace pointsman
