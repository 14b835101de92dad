#pragma once

#include "tests/datapath/packet_cases.hpp"

namespace pointsman::test {

/// As BothHooks, and beside it a datapath with four NAT ports and one backend.
class FewPorts : public BothHooks {
protected:
    void SetUp() override {
        BothHooks::SetUp();
        if (IsSkipped()) return;
        few_ = std::make_unique<Scene>(few_ports_datapath(), GetParam());
        few_->world = web_world(Protocol::tcp, 1);
        few_->publish();
    }
    void TearDown() override {
        few_.reset();
        BothHooks::TearDown();
    }
    [[nodiscard]] Scene& few() { return *few_; }

private:
    std::unique_ptr<Scene> few_;
};

} // namespace pointsman::test
