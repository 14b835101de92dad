#pragma once

#include "controller/datapath/mapped_array.hpp"
#include "tests/datapath/frame.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>

struct runner_object;

namespace pointsman::bench {

/// A frame of a fixed size, as the runner's table holds it.
struct RunnerFrame {
    std::array<std::uint8_t, 80> octets{};
};

/// Times XDP programs by BPF_PROG_TEST_RUN, each packet fresh from a table of frames.
class Runner {
public:
    /// @param most_frames a power of two.
    /// @throws DatapathError when the kernel refuses the runner.
    explicit Runner(std::uint32_t most_frames);
    ~Runner();

    /// Frames of the next blocks. Their number is a power of two.
    void load(std::span<RunnerFrame const> frames);

    /// The flows that the floor program finds: those of these IPv4 TCP frames.
    void learn(std::span<RunnerFrame const> frames);

    /// The program under test.
    void choose(int program_fd);
    [[nodiscard]] int empty_program() const; ///< what the runner costs by itself
    [[nodiscard]] int moved_program() const; ///< moves the head, which the runner then moves back
    [[nodiscard]] int floor_program() const; ///< parse and one lookup of the frame's flow in a hash

    /// Runs the chosen program `packets` times, going on where the last block ended.
    /// @return nanoseconds per packet, the runner's included, as the kernel measured them: the call itself
    /// also waits for a grace period, some 16 ms. Whole numbers, rounded down.
    [[nodiscard]] std::uint32_t run_block(std::uint32_t packets);

    [[nodiscard]] int empty_tc_program() const;

private:
    struct Cursor {
        std::uint32_t next = 0;
        std::uint32_t mask = 0;
    };
    struct Destroy {
        void operator()(runner_object* object) const noexcept;
    };

    std::unique_ptr<runner_object, Destroy> object_;
    MappedArray<RunnerFrame> frames_;
    MappedArray<Cursor> cursor_;
};

/// Runs a tc program by itself on a frame that it leaves alone. The packet has a socket, as one of the host.
/// @return nanoseconds per packet, rounded down.
/// @throws std::runtime_error when the frame was changed.
[[nodiscard]] std::uint32_t run_tc_block(int program_fd, RunnerFrame const& frame, std::uint32_t packets);

} // namespace pointsman::bench
