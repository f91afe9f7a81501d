// For each schema texts that fit, which its grammar allows, and texts that do not, which it refuses.
#include "runtime/grammar/JsonSchema.h"
#include "runtime/grammar/IntegerRange.h"
#include "test/runtime/grammar/TestGrammar.h"

using namespace lathe::runtime;
using namespace lathe::test;

namespace {

struct Case {
  const char *schema;
  std::vector<std::string> fits, others;
};

const Case Cases[] = {
    {"{}",
     {"1", "null", "[]", "{\"a\": [1, {\"b\": \"c\"}]}", "\"\\u00e9\\n\"", "-0.5e+10"},
     {"", "01", "[1,]", "{a: 1}", "'x'", "\"\n\""}},
    {"true", {"{}"}, {"x"}},
    {R"({"type": "string"})", {"\"\"", "\"é😀\""}, {"1", "\"", "\"\\x\""}},
    {R"({"type": "integer"})", {"0", "-12"}, {"1.5", "-", "007", "1e5"}},
    {R"({"type": "number"})", {"0", "-1.5", "1e-5"}, {"1.", ".5", "+1"}},
    {R"({"type": "boolean"})", {"true", "false"}, {"True", "null"}},
    {R"({"type": "null"})", {"null"}, {"0"}},
    {R"({"type": ["integer", "null"]})", {"5", "null"}, {"\"5\""}},
    {R"({"const": {"a": "x\"y"}})", {"{\"a\":\"x\\\"y\"}"}, {"{}"}},
    {R"({"enum": ["red", 5, null]})", {"\"red\"", "5", "null"}, {"red", "\"green\""}},
    {R"({"type": "string", "enum": ["a"]})", {"\"a\""}, {"\"b\""}},
    {R"({"type": "string", "minLength": 2, "maxLength": 3})",
     {"\"ab\"", "\"äöü\"", "\"\\n\\\"\""},
     {"\"a\"", "\"abcd\""}},
    {R"({"minLength": 1})", {"\"a\""}, {"\"\""}},
    {R"({"type": "string", "format": "date"})",
     {"\"2024-02-29\"", "\"1999-12-31\""},
     {"\"2024-13-01\"", "\"2024-04-31\"", "\"2024-02-30\"", "\"24-1-1\""}},
    {R"({"type": "string", "format": "date-time"})",
     {"\"2024-02-09T10:00:00Z\"", "\"2024-02-09T10:00:00.5+01:00\""},
     {"\"2024-02-09\"", "\"2024-02-09T25:00:00Z\""}},
    {R"({"type": "string", "format": "uuid"})", {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123\""}},
    {R"({"type": "integer", "minimum": -5, "exclusiveMaximum": 120})",
     {"-5", "0", "7", "99", "119"},
     {"-6", "120", "1000", "-0"}},
    {R"({"type": "array"})", {"[]", "[1, \"a\"]"}, {"{}", "[,]"}},
    {R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})",
     {"[1]", "[1,2,3]", "[ 1, 2]"},
     {"[]", "[1,2,3,4]", "[\"a\"]"}},
    {R"({"type": "array", "items": {"type": "integer"}, "maxItems": 0})", {"[]"}, {"[1]"}},
    {R"({"prefixItems": [{"type": "integer"}, {"type": "string"}]})",
     {"[]", "[1]", "[1,\"a\"]"},
     {"[\"a\"]", "[1,\"a\",2]"}},
    {R"({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "null"}, "minItems": 2, "maxItems": 4})",
     {"[1,\"a\"]", "[1,\"a\",null,null]"},
     {"[1]", "[1,\"a\",null,null,null]", "[1,\"a\",1]"}},
    {R"({"prefixItems": [true, true], "maxItems": 1})", {"[]", "[1]"}, {"[1,2]"}},
    {R"({"type": "object"})", {"{}", "{\"x\": 1, \"y\": []}"}, {"[]", "{\"x\"}"}},
    {R"({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a", "b"]})",
     {"{\"a\":1,\"b\":\"x\"}", "{ \"a\": 1, \"b\": \"x\" }"},
     {"{}", "{\"a\":1}", "{\"b\":\"x\"}", "{\"a\":\"1\",\"b\":\"x\"}", "{\"a\":1,\"b\":\"x\",\"c\":1}"}},
    {R"({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "null"}}, "required": ["b"]})",
     {"{\"b\":\"\"}", "{\"a\":1,\"b\":\"\"}", "{\"b\":\"\",\"c\":null}", "{\"a\":1,\"b\":\"\",\"c\":null}"},
     {"{}", "{\"a\":1}", "{\"a\":1,\"c\":null}", "{,\"b\":\"\"}", "{\"b\":\"\",}"}},
    {R"({"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}})",
     {"{}", "{\"a\":1}", "{\"b\":1}", "{\"a\":1,\"b\":1}"},
     {"{\"a\":1\"b\":1}", "{\"a\":1,}"}},
    {R"({"properties": {"a": {"type": "integer"}}, "required": ["a", "x"]})",
     {"{\"a\":1,\"x\":[]}"},
     {"{\"a\":1}", "{\"x\":1}"}},
    {R"({"properties": {"a": {"type": "integer"}, "ab": {"type": "integer"}}, "additionalProperties": {"type": "string"}})",
     {"{}", "{\"a\":1}", "{\"b\":\"x\"}", "{\"a\":1,\"abc\":\"x\",\"\":\"y\",\"b\":\"z\"}", "{\"ab\":1,\"ac\":\"\"}"},
     {"{\"a\":\"x\"}", "{\"ab\":\"x\"}", "{\"b\":1}"}},
    {R"({"additionalProperties": {"type": "integer"}})", {"{}", "{\"x\":1,\"y\":2}"}, {"{\"x\":\"1\"}"}},
    {R"({"properties": {"é\"": {"type": "integer"}}, "required": ["é\""], "additionalProperties": false})",
     {"{\"é\\\"\":1}"},
     {"{}"}},
    {R"({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "boolean"}}]})", {"1", "[true]"}, {"[1]"}},
    {R"({"oneOf": [{"const": 1}, {"const": 2}], "description": "x", "title": "y"})", {"1", "2"}, {"3"}},
    {R"({"allOf": [{"type": "integer"}]})", {"1"}, {"\"\""}},
    {R"({"$ref": "#/$defs/node", "$defs": {"node": {"properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["v", "next"]}}})",
     {"{\"v\":1,\"next\":null}", "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}"},
     {"{\"v\":1}", "{\"v\":1,\"next\":{}}"}},
    {R"({"items": {"$ref": "#"}})", {"[]", "[[],[[]]]"}, {"1"}},
};

TEST(JsonSchema, allows_what_fits_alone) {
  for (const Case &one : Cases) {
    std::string text = jsonSchemaGrammar(one.schema);
    auto grammar = Grammar::parse(text);
    for (const std::string &json : one.fits)
      EXPECT_TRUE(allows(grammar, json)) << one.schema << "\n" << json << "\n" << text;
    for (const std::string &json : one.others)
      EXPECT_FALSE(allows(grammar, json)) << one.schema << "\n" << json << "\n" << text;
  }
}

TEST(JsonSchema, integer_ranges) {
  const int64_t ends[] = {-1000, -101, -100, -99, -10, -9, -1, 0, 1, 5, 9, 10, 11, 99, 100, 123, 999, 1000};
  for (int64_t least : ends)
    for (int64_t most : ends) {
      std::string range = integerRangeGrammar(least, most);
      ASSERT_EQ(range.empty(), least > most);
      auto grammar = range.empty() ? nullptr : Grammar::parse("root ::= " + range);
      for (int64_t number = -1100; grammar && number != 1100; ++number)
        ASSERT_EQ(allows(grammar, std::to_string(number)), least <= number && number <= most) << range << " " << number;
    }
  auto up = Grammar::parse("root ::= " + integerRangeGrammar(57, std::nullopt));
  EXPECT_TRUE(allows(up, "57") && allows(up, "9999999999999999") && !allows(up, "56") && !allows(up, "-57") &&
              !allows(up, "10000000000000000"));
  auto down = Grammar::parse("root ::= " + integerRangeGrammar(std::nullopt, -3));
  EXPECT_TRUE(allows(down, "-3") && allows(down, "-9999999999999999") && !allows(down, "-2") && !allows(down, "0"));
}

TEST(JsonSchema, what_cannot_be_kept_is_refused) {
  const std::pair<const char *, const char *> cases[] = {
      {"{", "schema: "},
      {"5", "schema, $: found 5 where an object, or true, is needed"},
      {R"({"type": "text"})", "schema, $.type: found \"text\" where string, number, integer"},
      {R"({"properties": {"a": {"type": "string", "pattern": "x"}}})", "schema, $.a: 'pattern' is not supported"},
      {R"({"type": "number", "minimum": 1})", "'minimum' is supported for integers alone"},
      {R"({"type": "string", "format": "email"})", "\"email\" is not supported; date, time, date-time and uuid are"},
      {R"({"anyOf": [true], "type": "object"})", "'type' beside 'anyOf' is not supported"},
      {R"({"allOf": [true, true]})", "only one schema is supported here"},
      {R"({"$ref": "http://x/y"})", "is in another document"},
      {R"({"$ref": "#/nope"})", "there is nothing at '#/nope'"},
      {R"({"$ref": "#bad"})", "there is nothing at '#bad'"},
      {R"({"type": "integer", "minimum": 5, "maximum": 4})", "no integer lies between the limits"},
      {R"({"type": "array", "minItems": 3, "maxItems": 2})", "'maxItems' is less than 'minItems'"},
      {R"({"prefixItems": [true], "minItems": 2})", "'minItems' asks for more items than there may be"},
      {R"({"additionalProperties": false, "required": ["a"]})", "'a' is required but not allowed"},
      {R"({"enum": []})", "where an array of values is needed"},
  };
  for (auto [schema, message] : cases) {
    std::string found = failureOf([schema = schema] { jsonSchemaGrammar(schema); });
    EXPECT_NE(found.find(message), std::string::npos) << schema << "\n" << found;
  }
  EXPECT_NE(failureOf([] { Grammar::parse(jsonSchemaGrammar(R"({"$ref": "#"})")); }).find("can never end"),
            std::string::npos);
  std::string deep;
  for (int i = 0; i != 1000; ++i)
    deep += R"({"items": )";
  deep += "true" + std::string(1000, '}');
  EXPECT_NE(failureOf([&] { jsonSchemaGrammar(deep); }).find("more than 100 deep"), std::string::npos);
}

} // namespace
