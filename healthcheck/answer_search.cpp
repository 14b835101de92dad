#include "healthcheck/answer_search.hpp"

#include <algorithm>
#include <utility>

namespace pointsman {

using Verdict = AnswerSearch::Verdict;

Verdict AnswerSearch::take(std::string_view octets) {
    octets_.append(octets.substr(0, expected_->limit - octets_.size()));
    return look(octets_.size() == expected_->limit);
}

Verdict AnswerSearch::end() {
    return look(true);
}

Verdict AnswerSearch::look(bool last) {
    auto const otherwise = last ? Verdict::missing : Verdict::open;
    if (!expected_->is_set()) return Verdict::found;
    if (expected_->pattern.empty()) {
        if (octets_.find(expected_->text, searched_) != std::string::npos) return Verdict::found;
        searched_ = octets_.size() - std::min(octets_.size(), expected_->text.size() - 1);
        return otherwise;
    }
    if (!last && ++tries_ > try_limit) return Verdict::open;
    switch (expected_->pattern.search(octets_)) {
    case Pattern::Result::found: return Verdict::found;
    case Pattern::Result::missing: return otherwise;
    case Pattern::Result::too_hard: return Verdict::too_hard;
    }
    std::unreachable();
}

std::string_view reason_of(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::open:
    case Verdict::found: return {};
    case Verdict::missing: return "the expected text is missing";
    case Verdict::too_hard: return "the pattern takes too long on this answer";
    }
    std::unreachable();
}

} // namespace pointsman
