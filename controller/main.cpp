#include "controller/cli/command_line.hpp"

int main(int argc, char** argv) {
    return pointsman::run_command_line(argc, argv);
}
