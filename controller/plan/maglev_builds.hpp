#pragma once

#include "controller/plan/maglev.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace pointsman {

/// What became of the backends that a table was made of: all that are not named stayed, and all kept their
/// places.
struct TableChange {
    struct Place {
        std::size_t place = 0;
        std::uint64_t identity = 0;
        unsigned weight = 0;

        friend auto operator<=>(Place const&, Place const&) = default;
    };
    MaglevPattern const* was = nullptr; ///< which must live on
    std::vector<Place> now;

    friend auto operator<=>(TableChange const&, TableChange const&) = default;
};

/// Identity and weight of those that a pattern is made of, by place.
using MaglevMembers = std::vector<std::pair<std::uint64_t, unsigned>>;

/// The patterns that were built last, for plans to come: what one has foreseen is not built again, nor what
/// was there before a backend fell when it returns.
class MaglevMemory {
public:
    static constexpr std::size_t room = 8; ///< patterns

    /// nullptr: not among them.
    [[nodiscard]] std::shared_ptr<MaglevPattern const> find(MaglevMembers const& members) const;
    /// In the place of the oldest one.
    void keep(MaglevMembers members, std::shared_ptr<MaglevPattern const> pattern);

private:
    std::deque<std::pair<MaglevMembers, std::shared_ptr<MaglevPattern const>>> patterns_; ///< oldest first
};

/// Builds tables, and the pattern of equal backends once: the tables of services that share their backends
/// differ in the ids alone, and all of them change when one backend does.
class MaglevBuilds {
public:
    /// @param memory for other plans as well, or nullptr
    explicit MaglevBuilds(MaglevMemory* memory = nullptr) : memory_{memory} {}

    [[nodiscard]] std::shared_ptr<MaglevTable const> table_of(std::vector<MaglevEntry> const& entries);

    /// The pattern that the same change of the same pattern led to before, which is told in the time that the
    /// change takes; nullopt: it was not noted.
    [[nodiscard]] std::optional<std::shared_ptr<MaglevPattern const>> after(TableChange const& change) const;
    void note(TableChange change, std::shared_ptr<MaglevPattern const> pattern);

private:
    [[nodiscard]] std::shared_ptr<MaglevPattern const> build(MaglevMembers const& members,
                                                             std::vector<MaglevEntry> const& entries);

    MaglevMemory* memory_;
    std::map<MaglevMembers, std::shared_ptr<MaglevPattern const>> built_;
    std::map<TableChange, std::shared_ptr<MaglevPattern const>> after_;
};

} // namespace pointsman
