#include <limits>

#include <reel/report/escape.h>

#include "report/markup.h"
#include "support.h"

using namespace reel;
using namespace reel::report;
using namespace reel::test;

TEST_CASE("escape: markup and quotes") {
  CHECK(escape("a<b>&\"c\" 'd'") == "a&lt;b&gt;&amp;&quot;c&quot; &#39;d&#39;");
  CHECK(escape("&amp;") == "&amp;amp;");
  CHECK(escape("").empty());
}

TEST_CASE("escape: control characters become visible, tab and newline stay") {
  CHECK(escape("a\tb\nc") == "a\tb\nc");
  CHECK(escape(std::string("\0\r\x1B\x7F", 4)) == "␀␍␛␡");
  CHECK(escape("\u0085") == "\uFFFD");
}

TEST_CASE("escape: UTF-8 stays, other bytes become U+FFFD one by one") {
  CHECK(escape("süß ‰ 日本 😀") == "süß ‰ 日本 😀");
  CHECK(escape("\xFF") == "\uFFFD");
  CHECK(escape("\xC3(") == "\uFFFD(");                              // cut short
  CHECK(escape("\xE2\x82") == "\uFFFD\uFFFD");                      // at the end
  CHECK(escape("\xC0\x80") == "\uFFFD\uFFFD");                      // overlong
  CHECK(escape("\xE0\x80\x80") == "\uFFFD\uFFFD\uFFFD");            // overlong
  CHECK(escape("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");            // a surrogate
  CHECK(escape("\xF4\x90\x80\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond U+10FFFF
  CHECK(escape("\xEF\xBF\xBF") == "\uFFFD");                        // U+FFFF, which no document may contain
  CHECK(escape("\x80 \xBF") == "\uFFFD \uFFFD");
}

TEST_CASE("escape: any two bytes are sound in content and in attributes") {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string text = escape(std::string{static_cast<char>(a), static_cast<char>(b), 'x'});
      // An escaped U+FFFD is three bytes, so the checker's "no UTF-8" does not mistake it.
      const std::string fault = markup_fault("<p title=\"" + text + "\">" + text + "</p>");
      if (!fault.empty()) FAIL(a << " " << b << ": " << fault);
    }
}

TEST_CASE("number: digits, separators, powers of ten") {
  CHECK(number(0) == "0");
  CHECK(number(-0.) == "0");
  CHECK(number(1.5) == "1.5");
  CHECK(number(-2) == "\u22122");
  CHECK(number(1234567) == "1,234,567");
  CHECK(number(12345.678) == "12,346");
  CHECK(number(999.96) == "1,000");
  CHECK(number(0.45449) == "0.4545");
  CHECK(number(0.001) == "0.001");
  CHECK(number(1e-5) == "10⁻⁵");
  CHECK(number(-2.5e-7) == "\u22122.5×10⁻⁷");
  CHECK(number(3e12) == "3×10¹²");
  CHECK(number(1.23456, 2) == "1.2");
  CHECK(number(std::numeric_limits<double>::max(), 3) == "1.8×10³⁰⁸");
  CHECK(number(std::numeric_limits<double>::denorm_min(), 2) == "4.9×10⁻³²⁴");
  CHECK(number(NAN) == "NaN");
  CHECK(number(-INFINITY) == "\u2212∞");
  CHECK(fixed(1234.5, 2) == "1,234.50");
  CHECK(fixed(-0.001, 2) == "0.00");
  CHECK(counted(1, "point") == "1 point");
  CHECK(counted(1200, "point") == "1,200 points");
}
