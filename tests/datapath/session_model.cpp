#include "tests/datapath/session_model.hpp"

namespace pointsman::test {
namespace {

/// A first packet: SYN, and nothing that a first packet cannot say.
bool opens(std::uint8_t flags) {
    return (flags & (syn | ack | rst | fin)) == syn;
}

/// No session takes the packet; a RST is not answered.
std::uint32_t refuse(std::uint8_t flags) {
    return (flags & rst) ? std::uint32_t{PM_DROP_NO_SESSION} : std::uint32_t{PM_FORWARD_RESET};
}

} // namespace

std::uint32_t SessionModel::open(std::uint32_t state) {
    exists_ = opened_ = true;
    answers_ = way_.is_nat();
    state_ = state;
    return PM_FORWARD_TO_BACKEND;
}

/// In the middle of a TCP connection that nobody knows: a RST, unless the service hands it on.
std::uint32_t SessionModel::without_session(std::uint8_t flags) {
    if (way_.protocol == Protocol::udp || opens(flags)) return open(0);
    return on_down_ == OnDown::rehash && !(flags & rst) ? open(PM_SESSION_MIDSTREAM) : refuse(flags);
}

void SessionModel::follow(std::uint8_t flags, bool from_client) {
    auto const sees_answers = way_.is_nat();
    if (way_.protocol == Protocol::udp) {
        if (!from_client || !sees_answers) state_ |= PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED;
        return;
    }
    if (flags & rst) {
        state_ |= PM_SESSION_CLOSED;
        return;
    }
    if ((flags & ack) && (!from_client || !sees_answers)) state_ |= PM_SESSION_ANSWERED;
    if ((flags & ack) && from_client && (state_ & PM_SESSION_ANSWERED)) state_ |= PM_SESSION_ESTABLISHED;
    if (flags & fin) state_ |= from_client ? PM_SESSION_FIN_CLIENT : PM_SESSION_FIN_BACKEND;
    constexpr std::uint32_t both = PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND;
    if ((state_ & both) == both) state_ |= PM_SESSION_CLOSED;
}

/// What is left of a pair makes the other anew, unless the flow is over.
void SessionModel::restore_pair() noexcept {
    if (way_.is_nat() && !(state_ & PM_SESSION_CLOSED)) exists_ = answers_ = true;
}

std::uint32_t SessionModel::on_client_packet(std::uint8_t flags) {
    opened_ = false;
    if (!exists_) return without_session(flags);
    if (way_.protocol == Protocol::tcp && opens(flags) && (state_ & PM_SESSION_CLOSED)) return open(0);
    if (way_.is_nat() && !answers_ && (state_ & PM_SESSION_CLOSED)) return refuse(flags); // no NAT port
    follow(flags, true);
    restore_pair();
    return PM_FORWARD_TO_BACKEND;
}

/// Twice at most, and only of a connection about which nothing else was heard.
std::uint32_t SessionModel::on_refusal(BackendPacket const& packet) {
    auto const chances = (state_ & PM_SESSION_CHANCES) >> PM_SESSION_CHANCE_SHIFT;
    if (!exists_ || packet.flags != (rst | ack) || way_.protocol == Protocol::udp ||
        (state_ & PM_SESSION_PROGRESS) != 0 || chances >= 2 || !packet.has_other_choice)
        return PM_FORWARD_TO_CLIENT;
    if (packet.syn_had_data) return PM_DROP_REFUSAL;
    if (!packet.acknowledges_syn) return PM_FORWARD_TO_CLIENT;
    (void)open((chances + 1) << PM_SESSION_CHANCE_SHIFT);
    return PM_FORWARD_SECOND_CHANCE;
}

std::uint32_t SessionModel::on_backend_packet(BackendPacket const& packet) {
    opened_ = false;
    if (!answers_) return PM_PASS_NOT_OURS;
    auto const verdict = on_refusal(packet);
    if (verdict == PM_FORWARD_TO_CLIENT) {
        follow(packet.flags, false);
        restore_pair();
    }
    return verdict;
}

} // namespace pointsman::test
