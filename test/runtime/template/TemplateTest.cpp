// Chat templates through the public header: messages of errors, and that every template ends. What templates print is
// compared with jinja2 in compare.test.
#include "runtime/include/lathe.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace {

lathe_template_options defaults() {
  lathe_template_options options = {};
  options.struct_size = sizeof(options);
  options.messages = "[]";
  return options;
}

/// The message of a failure, which is released.
std::string messageOf(lathe_status status) {
  std::string message = lathe_status_message(status);
  if (status)
    EXPECT_EQ(lathe_status_code(status), LATHE_INVALID_ARGUMENT) << message;
  lathe_status_release(status);
  return message;
}

/// The prompt, or the message of the failure.
std::string render(const std::string &source, const lathe_template_options &options = defaults()) {
  lathe_template *made = nullptr;
  if (lathe_status status = lathe_template_create(source.data(), source.size(), &made)) {
    EXPECT_EQ(made, nullptr);
    return messageOf(status);
  }
  char *text = nullptr;
  size_t bytes = 0;
  lathe_status status = lathe_template_render(made, &options, &text, &bytes);
  lathe_template_release(made);
  if (status) {
    EXPECT_EQ(text, nullptr);
    return messageOf(status);
  }
  EXPECT_EQ(std::strlen(text), bytes);
  std::string prompt(text, bytes);
  lathe_text_release(text);
  return prompt;
}

std::string repeated(const std::string &text, int count) {
  std::string result;
  for (int i = 0; i != count; ++i)
    result += text;
  return result;
}

struct Case {
  const char *source, *message;
};

TEST(Template, syntax_errors_name_place_found_and_needed) {
  const Case cases[] = {
      {"a\nb {{ 1 + }}", "line 2, column 10: found '}}' where an expression is needed"},
      {"{{ (1 }}", "line 1, column 7: found '}' where ')' is needed"},
      {"{{ 1", "line 1, column 1: this tag does not end; close it with '}}'"},
      {"ä{{ 1) }}", "line 1, column 6: ')' closes nothing"},
      {"{{ [1) }}", "line 1, column 6: found ')' where ']' is needed"},
      {"{{ a b }}", "line 1, column 6: found 'b' where '}}' is needed"},
      {"{{ 'abc }}", "line 1, column 4: this quoted text does not end; close it with '"},
      {"{{ $ }}", "line 1, column 4: '$' means nothing here"},
      {"{# open", "line 1, column 1: this comment does not end; close it with '#}'"},
      {"{% raw %}x", "line 1, column 1: 'raw' does not end; close it with '{% endraw %}'"},
      {"{% if 1 %}x", "line 1, column 4: 'if' does not end: found the end of the template where '{% elif %}' or "
                      "'{% else %}' or '{% endif %}' is needed"},
      {"{% for x in y %}{% endif %}", "line 1, column 20: found the tag 'endif', which is not one of"},
      {"{% for x in y %}{% endif %}", "'for' is open and needs '{% else %}' or '{% endfor %}'"},
      {"{% include 'x' %}", "line 1, column 4: found the tag 'include', which is not one of"},
      {"{% set true = 1 %}", "cannot assign to 'true'; choose another name"},
      {"{% break %}", "line 1, column 4: 'break' stands outside of a 'for'"},
      {"{% for x in y recursive %}{% endfor %}", "'recursive' is not supported; write a macro that calls itself"},
      {"{% macro m(a=1, b) %}{% endmacro %}", "parameter 'b' has no default but stands behind one that has"},
      {"{{ '\\ud800' }}", "this escape needs 4 hexadecimal digits that name a character"},
      {"{{ 99999999999999999999 }}", "'99999999999999999999' is no number that fits 64 bits"},
      {"{{ x is odd is even }}", "one 'is' cannot follow another; join them with 'and'"},
      {"\xFF", "byte 0 of the template is not UTF-8"},
  };
  for (const Case &expected : cases)
    EXPECT_NE(render(expected.source).find(expected.message), std::string::npos) << render(expected.source);
}

TEST(Template, errors_while_rendering_name_the_place) {
  const Case cases[] = {
      {"{{ raise_exception('Roles must alternate') }}", "template, line 1, column 19: Roles must alternate"},
      {"x\n{{ message.content }}", "line 2, column 12: 'message' is undefined"},
      {"{{ {}.a.b }}", "line 1, column 9: 'a' is undefined: the dict before it has none"},
      {"{{ 'a' + 1 }}", "line 1, column 8: '+' is not for a str and a int; join text with '~'"},
      {"{{ 1 | nope }}", "line 1, column 8: there is no filter 'nope'"},
      {"{{ 1 is nope }}", "there is no test 'nope'"},
      {"{{ 1 < 'a' }}", "a int and a str have no order"},
      {"{{ [1].append(2) }}", "'append' would change a list, which a template cannot; make a new one"},
      {"{{ 'a'.split('') }}", "'split' needs a separator that is not empty"},
      {"{{ 9223372036854775807 + 1 }}", "the result of '+' does not fit 64 bits"},
      {"{{ (-9223372036854775807 - 1) // -1 }}", "the result of '//' does not fit 64 bits"},
      {"{% set x.a = 1 %}", "'x' is undefined; make it with {% set x = namespace() %}"},
      {"{% for a, b in [[1, 2, 3]] %}{% endfor %}", "found 3 values for 2 names"},
      {"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "'m' takes 1 arguments but is given 2"},
      {"{{ range(100001) }}", "a range may have at most 100000 numbers"},
      {"{{ strftime_now('%9999d') }}", "'strftime_now' has no '%9'"},
      {"{{ 'x' % 1 }}", "there are more values than the format 'x' has places"},
  };
  for (const Case &expected : cases)
    EXPECT_NE(render(expected.source).find(expected.message), std::string::npos) << render(expected.source);
}

TEST(Template, hostile_templates_end_with_an_error) {
  const std::string nested =
      "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}";
  const std::string doubled =
      "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}";
  const std::pair<std::string, std::string> cases[] = {
      {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "does a macro call itself without end?"},
      {"{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}", "deep inside of each other"},
      {"{{ 'x' * 1000000000000 }}", "makes more than 1073741824 bytes"},
      {"{{ [1] * 9223372036854775807 }}", "makes more than"},
      {"{{ '%2000000s' % 1 }}", "a width or precision may be at most 10000"},
      {"{% set r = range(100000) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}",
       "takes more than 1000000 steps"},
      {"{% set t = 'a' * 1000000 %}{% set u = 'b' ~ 'a' * 500000 %}{% for i in range(9999) %}{{ t.rfind(u) }}{% endfor "
       "%}",
       "takes more than"},
      {nested, "lists and dicts hold each other more than 200 deep"},
      {doubled + "{{ ns.x }}", "takes more than"},
      {doubled + "{% set a = ns.x %}{% set ns.x = [1] %}" + doubled.substr(31) + "{{ a == ns.x }}", "takes more than"},
      {doubled + "{{ ns.x | tojson }}", "takes more than"},
      {"{{ " + repeated("(", 10000) + "1" + repeated(")", 10000) + " }}", "hold each other more than 200 deep"},
      {"{{ " + repeated("not ", 10000) + "1 }}", "hold each other more than 200 deep"},
      {"{{ " + repeated("-", 10000) + "1 }}", "hold each other more than 200 deep"},
      {"{{ 1" + repeated(" + 1", 10000) + " }}", "more than 400 parts inside of each other"},
      {"{{ 1" + repeated(" | string", 10000) + " }}", "more than 400 parts inside of each other"},
      {repeated("{% if 1 %}", 1000), "hold each other more than 200 deep"},
      {"{% set " + repeated("(", 10000) + "x" + repeated(")", 10000) + " = 1 %}", "hold each other more than 200 deep"},
  };
  lathe_template_options options = defaults();
  options.max_steps = 1000000; // the default would do as well, but later
  for (auto &[source, message] : cases)
    EXPECT_NE(render(source, options).find(message), std::string::npos) << source.substr(0, 80) << "\n"
                                                                        << render(source, options).substr(0, 300);
}

TEST(Template, limits_can_be_lowered) {
  lathe_template_options options = defaults();
  options.max_steps = 100;
  EXPECT_NE(render("{% for i in range(1000) %}x{% endfor %}", options).find("takes more than 100 steps"),
            std::string::npos);
  options = defaults();
  options.max_bytes = 5000;
  EXPECT_NE(render("{% for i in range(50) %}" + std::string(200, 'x') + "{% endfor %}", options)
                .find("makes more than 5000 bytes"),
            std::string::npos);
}

TEST(Template, inputs_that_are_wrong) {
  lathe_template_options options = defaults();
  options.messages = "{\"role\": 1}";
  EXPECT_NE(render("", options).find("messages is JSON of type object but must be an array"), std::string::npos);
  options.messages = "[1,";
  EXPECT_NE(render("", options).find("messages: parse error at line 1, column 4"), std::string::npos);
  options.messages = "";
  EXPECT_NE(render("", options).find("messages is empty, but must be a JSON array"), std::string::npos);
  options.messages = "[18446744073709551615]";
  EXPECT_NE(render("", options).find("messages: the number 18446744073709551615 does not fit 64 bits"),
            std::string::npos);
  options = defaults();
  options.variables = "[]";
  EXPECT_NE(render("", options).find("variables is JSON of type array but must be an object"), std::string::npos);
  options = defaults();
  std::string deep = repeated("[", 5000) + repeated("]", 5000);
  options.tools = deep.c_str();
  EXPECT_NE(render("", options).find("tools: arrays and objects hold each other more than 100 deep"),
            std::string::npos);
  options = defaults();
  options.time = INT64_MAX;
  EXPECT_NE(render("", options).find("which no calendar has"), std::string::npos);
  options.struct_size = 0;
  EXPECT_NE(render("", options).find("struct_size is 0"), std::string::npos);
  EXPECT_NE(messageOf(lathe_template_create("x", 1, nullptr)).find("out_template is NULL"), std::string::npos);
}

TEST(Template, variables_go_before_what_is_given) {
  lathe_template_options options = defaults();
  options.messages = "[{\"role\": \"user\", \"content\": \"hi\"}]";
  options.variables = "{\"messages\": 5, \"bos_token\": \"<s>\", \"range\": \"mine\"}";
  EXPECT_EQ(render("{{ bos_token }}{{ messages }}{{ range }}", options), "<s>5mine");
  EXPECT_EQ(render("{{ tools }}{{ documents }}{{ add_generation_prompt }}"), "NoneNoneTrue");
  options.no_generation_prompt = 1;
  EXPECT_EQ(render("{{ add_generation_prompt }}", options), "False");
}

TEST(Template, time_is_what_the_caller_says) {
  lathe_template_options options = defaults();
  options.time = 1720278245; // 2024-07-06 15:04:05 UTC
  EXPECT_EQ(render("{{ strftime_now('%Y-%m-%d %H:%M:%S') }}", options), "2024-07-06 15:04:05");
  options.utc_offset = 9 * 3600;
  EXPECT_EQ(render("{{ strftime_now('%d %b %H') }}", options), "07 Jul 00");
}

TEST(Template, one_template_renders_on_several_threads) {
  const std::string source = "{% macro m(x) %}<{{ x }}>{% endmacro %}{% set g = [3, 1, 2] %}{% for i in range(200) %}"
                             "{{ m(g | sort | map('string') | join) }}{{ 1 in g }}{{ g[::-1] }}{% endfor %}";
  lathe_template *made = nullptr;
  ASSERT_EQ(lathe_template_create(source.data(), source.size(), &made), nullptr);
  std::vector<std::string> prompts(4);
  std::vector<std::thread> threads;
  for (std::string &prompt : prompts)
    threads.emplace_back([&prompt, made] {
      lathe_template_options options = defaults();
      char *text = nullptr;
      ASSERT_EQ(lathe_template_render(made, &options, &text, nullptr), nullptr);
      prompt = text;
      lathe_text_release(text);
    });
  for (std::thread &thread : threads)
    thread.join();
  lathe_template_release(made);
  EXPECT_EQ(prompts[0].substr(0, 18), "<123>True[2, 1, 3]");
  for (const std::string &prompt : prompts)
    EXPECT_EQ(prompt, prompts[0]);
}

} // namespace
