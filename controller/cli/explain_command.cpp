#include "controller/app/manual.hpp"
#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/explain_text.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/array.hpp>

namespace json = boost::json;

namespace pointsman {

int explain(CommonOptions const& common, std::string const& word) {
    auto const found = explain_word(word);
    if (found.empty()) {
        print(stderr, "pointsman: `" + word + "` is no configuration key, verdict or word of `because`" +
                          similar_words(word) + "\n");
        return exit_failed;
    }
    if (!common.json) {
        print(stdout, explain_text(found));
        return exit_ok;
    }
    json::object out{{"schema", "pointsman.explain/1"}, {"word", word}};
    out["entries"] = found;
    print_json(out);
    return exit_ok;
}

} // namespace pointsman
