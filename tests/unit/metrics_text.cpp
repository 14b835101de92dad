// The text format of metrics.
#include "controller/app/metrics_text.hpp"

#include <gtest/gtest.h>

namespace pointsman {

TEST(MetricsText, KeepsTheSamplesOfAFamilyTogetherInTheOrderInWhichFamiliesAreNamed) {
    MetricsText text;
    for (char const* const backend : {"b1", "b2"}) {
        text.gauge("up", "1 while it is up.", {{"service", "web"}, {"backend", backend}}, 1);
        text.counter("bytes_total", "Octets.", {{"backend", backend}}, 18'446'744'073'709'551'615U);
    }
    text.gauge("lag_seconds", "How late.", {}, 0.25);
    EXPECT_EQ(text.take(), "# HELP up 1 while it is up.\n"
                           "# TYPE up gauge\n"
                           "up{service=\"web\",backend=\"b1\"} 1\n"
                           "up{service=\"web\",backend=\"b2\"} 1\n"
                           "# HELP bytes_total Octets.\n"
                           "# TYPE bytes_total counter\n"
                           "bytes_total{backend=\"b1\"} 18446744073709551615\n"
                           "bytes_total{backend=\"b2\"} 18446744073709551615\n"
                           "# HELP lag_seconds How late.\n"
                           "# TYPE lag_seconds gauge\n"
                           "lag_seconds 0.25\n");
    EXPECT_EQ(text.take(), "");
}

TEST(MetricsText, EscapesTheValuesOfLabels) {
    MetricsText text;
    text.gauge("alarm", "In force.", {{"because", "a \"quoted\" \\ and\na line"}}, 1);
    EXPECT_EQ(text.take(), "# HELP alarm In force.\n"
                           "# TYPE alarm gauge\n"
                           "alarm{because=\"a \\\"quoted\\\" \\\\ and\\na line\"} 1\n");
}

TEST(MetricsText, WritesAHistogramWithItsBuckets) {
    prometheus::Histogram histogram{{0.5, 1.0}};
    histogram.Observe(0.75);
    MetricsText text;
    text.histogram("took_seconds", "How long.", histogram);
    text.gauge("up", "Up.", {}, 0);
    EXPECT_EQ(text.take(), "# HELP took_seconds How long.\n"
                           "# TYPE took_seconds histogram\n"
                           "took_seconds_count 1\n"
                           "took_seconds_sum 0.75\n"
                           "took_seconds_bucket{le=\"0.5\"} 0\n"
                           "took_seconds_bucket{le=\"1\"} 1\n"
                           "took_seconds_bucket{le=\"+Inf\"} 1\n"
                           "# HELP up Up.\n"
                           "# TYPE up gauge\n"
                           "up 0\n");
}

} // namespace pointsman
