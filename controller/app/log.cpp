#include "controller/app/log.hpp"

#include "controller/api/clock.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace pointsman {
namespace {

class JsonFormatter : public spdlog::formatter {
public:
    void format(spdlog::details::log_msg const& message, spdlog::memory_buf_t& out) override {
        auto const level = spdlog::level::to_string_view(message.level);
        boost::json::object const line{
            {"ts", rfc3339(message.time)},
            {"level", std::string_view{level.data(), level.size()}},
            {"message", std::string_view{message.payload.data(), message.payload.size()}}};
        auto const text = boost::json::serialize(line) + "\n";
        out.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JsonFormatter>();
    }
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::debug: return spdlog::level::debug;
    }
    return spdlog::level::info;
}

} // namespace

void open_log(LogOptions const& options) {
    auto logger =
        std::make_shared<spdlog::logger>("pointsman", std::make_shared<spdlog::sinks::stderr_sink_st>());
    logger->set_level(to_spdlog(options.level));
    if (options.format == LogFormat::json)
        logger->set_formatter(std::make_unique<JsonFormatter>());
    else
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    spdlog::set_default_logger(std::move(logger));
}

} // namespace pointsman
