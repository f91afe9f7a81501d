#include "compiler/report/Roofline.h"

namespace lathe::report {

/// compiler/report/Report.html, embedded when Lathe is built.
extern const char PageTemplate[];

std::string renderPage(const nlohmann::ordered_json &report) {
  static constexpr std::string_view Mark = "/*REPORT*/null";
  std::string page = PageTemplate, data = report.dump();
  // "</script>" inside of a name would end the script.
  for (size_t at = 0; (at = data.find("</", at)) != std::string::npos; at += 3)
    data.replace(at, 2, "<\\/");
  page.replace(page.find(Mark), Mark.size(), data);
  return page;
}

} // namespace lathe::report
