#include "runtime/grammar/JsonSchema.h"

#include "runtime/Failure.h"
#include "runtime/grammar/IntegerRange.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace lathe::runtime {

namespace {

using Json = nlohmann::ordered_json;

/// Rules that any schema may use. A value takes the space behind it along.
constexpr char CommonRules[] = R"(space ::= (" " | "\n" [ \t]{0,20})?
character ::= [^"\\\x00-\x1F] | escape
escape ::= "\\" (["\\/bfnrt] | "u" [0-9A-Fa-f]{4})
string ::= "\"" character* "\"" space
boolean ::= ("true" | "false") space
null ::= "null" space
integer-part ::= "-"? ("0" | [1-9] [0-9]{0,15})
integer ::= integer-part space
number ::= integer-part ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})? space
array ::= "[" space (value ("," space value)*)? "]" space
member ::= string ":" space value
object ::= "{" space (member ("," space member)*)? "}" space
value ::= object | array | string | number | boolean | null
)";

/// Text as a quoted text of the grammar.
std::string literal(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    static constexpr char Hex[] = "0123456789ABCDEF";
    if (c == '"' || c == '\\')
      (result += '\\') += c;
    else if (uint8_t(c) < 0x20)
      ((result += "\\x") += Hex[uint8_t(c) >> 4]) += Hex[c & 15];
    else
      result += c;
  }
  return result + '"';
}

/// A character as it is written in a class.
std::string inClass(char32_t character) {
  char text[16];
  std::snprintf(text, sizeof(text), "\\U%08X", unsigned(character));
  return text;
}

class Converter {
public:
  explicit Converter(const Json &root) : root(root) {}

  std::string run() {
    std::string start = convert(root, "$");
    return "root ::= space " + start + "\n" + rules + CommonRules;
  }

private:
  static constexpr int MaxDepth = 100;
  static constexpr size_t MaxBytes = 2 << 20, MaxNameBytes = 500;

  [[noreturn]] static void wrong(const std::string &path, const Json &found, const char *needed) {
    std::string text = found.dump(-1, ' ', false, Json::error_handler_t::replace);
    throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": found ", text.substr(0, 60), " where ", needed,
                  " is needed");
  }
  [[noreturn]] static void unsupported(const std::string &path, const std::string &what) {
    throw Failure(LATHE_UNSUPPORTED, "schema, ", path, ": ", what);
  }

  std::string addRule(const std::string &body) {
    std::string name = "rule-" + std::to_string(++ruleCount);
    setRule(name, body);
    return name;
  }
  void setRule(const std::string &name, const std::string &body) {
    rules += name + " ::= " + body + "\n";
    if (rules.size() > MaxBytes)
      throw Failure(LATHE_INVALID_ARGUMENT, "schema: its grammar has more than ", MaxBytes, " bytes; simplify it");
  }

  /// The rule for a schema.
  std::string convert(const Json &schema, const std::string &path) {
    if (++depth > MaxDepth)
      throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": schemas are inside of each other more than ", MaxDepth,
                    " deep");
    std::string rule = convertOne(schema, path);
    --depth;
    return rule;
  }

  std::string convertOne(const Json &schema, const std::string &path) {
    if (schema.is_boolean() && schema.get<bool>())
      return "value";
    if (!schema.is_object())
      wrong(path, schema, "an object, or true,");
    checkWords(schema, path);
    if (schema.contains("$ref"))
      return reference(schema["$ref"], path + ".$ref");
    if (schema.contains("const"))
      return addRule(literal(schema["const"].dump()) + " space");
    if (schema.contains("enum"))
      return enumeration(schema["enum"], path + ".enum");
    for (const char *word : {"anyOf", "oneOf"})
      if (schema.contains(word))
        return alternatives(schema[word], path + "." + word);
    if (schema.contains("allOf")) {
      const Json &all = schema["allOf"];
      if (!all.is_array() || all.size() != 1)
        unsupported(path + ".allOf", "only one schema is supported here; join them into one");
      return convert(all[0], path + ".allOf[0]");
    }
    if (schema.contains("type") && schema["type"].is_array())
      return typeList(schema, path);
    return ofType(schema, typeOf(schema, path), path);
  }

  /// Words that hold alone: others beside them would be lost.
  static constexpr const char *Alone[] = {"$ref", "const", "enum", "anyOf", "oneOf", "allOf"};

  void checkWords(const Json &schema, const std::string &path) const {
    static const std::set<std::string> Describing = {"title",     "description", "default",    "examples",   "$schema",
                                                     "$id",       "$comment",    "$anchor",    "deprecated", "readOnly",
                                                     "writeOnly", "$defs",       "definitions"};
    static const std::set<std::string> Known = {
        "type",      "properties",       "required",        "additionalProperties",
        "items",     "prefixItems",      "minItems",        "maxItems",
        "minLength", "maxLength",        "minimum",         "maximum",
        "format",    "exclusiveMinimum", "exclusiveMaximum"};
    std::string alone;
    for (const char *word : Alone)
      if (alone.empty() && schema.contains(word))
        alone = word;
    for (auto &[word, value] : schema.items()) {
      bool type = word == "type" && (alone == "const" || alone == "enum");
      if (Describing.contains(word) || word == alone || type)
        continue;
      if (!alone.empty())
        unsupported(path, "'" + word + "' beside '" + alone + "' is not supported; put all into one of them");
      if (!Known.contains(word))
        unsupported(path, "'" + word + "' is not supported");
    }
  }

  std::string typeOf(const Json &schema, const std::string &path) const {
    if (schema.contains("type")) {
      if (!schema["type"].is_string())
        wrong(path + ".type", schema["type"], "the name of a type");
      return schema["type"].get<std::string>();
    }
    static constexpr std::pair<const char *, const char *> Implied[] = {
        {"properties", "object"}, {"additionalProperties", "object"},
        {"required", "object"},   {"items", "array"},
        {"prefixItems", "array"}, {"minItems", "array"},
        {"maxItems", "array"},    {"minLength", "string"},
        {"maxLength", "string"},  {"format", "string"}};
    for (auto [word, type] : Implied)
      if (schema.contains(word))
        return type;
    for (const char *word : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
      if (schema.contains(word))
        unsupported(path, "'" + std::string(word) + "' is supported beside \"type\": \"integer\" alone");
    return "";
  }

  std::string ofType(const Json &schema, const std::string &type, const std::string &path) {
    static const std::set<std::string> Types = {"",       "boolean", "null",  "number",
                                                "string", "integer", "array", "object"};
    if (!Types.contains(type))
      wrong(path + ".type", type, "string, number, integer, boolean, null, array or object");
    static constexpr const char *Limits[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"};
    for (const char *word : Limits)
      if (type == "number" && schema.contains(word))
        unsupported(path, "'" + std::string(word) + "' is supported for integers alone");
    if (type == "object")
      return object(schema, path);
    if (type == "array")
      return array(schema, path);
    if (type == "integer")
      return integer(schema, path);
    if (type == "string")
      return string(schema, path);
    return type.empty() ? "value" : type;
  }

  std::string typeList(const Json &schema, const std::string &path) {
    std::string all;
    for (const Json &type : schema["type"]) {
      if (!type.is_string())
        wrong(path + ".type", type, "the name of a type");
      all += (all.empty() ? "" : " | ") + ofType(schema, type.get<std::string>(), path);
    }
    if (all.empty())
      wrong(path + ".type", schema["type"], "a type");
    return addRule(all);
  }

  std::string alternatives(const Json &schemas, const std::string &path) {
    if (!schemas.is_array() || schemas.empty())
      wrong(path, schemas, "an array of schemas");
    std::string all;
    for (size_t i = 0; i != schemas.size(); ++i)
      all += (i ? " | " : "") + convert(schemas[i], path + "[" + std::to_string(i) + "]");
    return addRule(all);
  }

  std::string enumeration(const Json &values, const std::string &path) {
    if (!values.is_array() || values.empty())
      wrong(path, values, "an array of values");
    std::string all;
    for (const Json &value : values)
      all += (all.empty() ? "" : " | ") + literal(value.dump());
    return addRule("(" + all + ") space");
  }

  std::string reference(const Json &target, const std::string &path) {
    if (!target.is_string())
      wrong(path, target, "text");
    std::string pointer = target.get<std::string>();
    if (!pointer.starts_with("#"))
      unsupported(path, "'" + pointer + "' is in another document; only '#/...' is supported");
    if (auto found = references.find(pointer); found != references.end())
      return found->second;
    const Json *found = nullptr;
    try {
      Json::json_pointer place(pointer.substr(1));
      found = root.contains(place) ? &root.at(place) : nullptr;
    } catch (const Json::exception &) {
      // no pointer: nothing is there
    }
    if (!found)
      throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": there is nothing at '", pointer, "'");
    // The rule has its name before its schema is read, which may refer to itself.
    std::string name = "ref-" + std::to_string(references.size() + 1);
    references.emplace(pointer, name);
    setRule(name, convert(*found, pointer));
    return name;
  }

  static int64_t count(const Json &schema, const char *word, int64_t otherwise, const std::string &path) {
    constexpr int64_t Most = 10000;
    if (!schema.contains(word))
      return otherwise;
    const Json &value = schema[word];
    if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > double(Most))
      wrong(path + "." + word, value, "an integer from 0 to 10000");
    return value.get<int64_t>();
  }

  static std::string repetition(int64_t least, int64_t most) {
    return "{" + std::to_string(least) + "," + (most < 0 ? "" : std::to_string(most)) + "}";
  }

  std::string string(const Json &schema, const std::string &path) {
    int64_t least = count(schema, "minLength", 0, path), most = count(schema, "maxLength", -1, path);
    if (schema.contains("format")) {
      static const std::map<std::string, std::string> Formats = {
          {"date", // 29 February of any year
           R"([0-9]{4} "-" (("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]) | )"
           R"(("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30") | "02-" ("0" [1-9] | [12] [0-9])))"},
          {"time", R"(([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,9})? )"
                   R"(("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]))"},
          {"uuid", R"([0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12})"}};
      const Json &format = schema["format"];
      std::string name = format.is_string() ? format.get<std::string>() : "";
      if (least != 0 || most >= 0)
        unsupported(path, "'format' beside 'minLength' or 'maxLength' is not supported");
      auto found = Formats.find(name);
      if (found == Formats.end() && name != "date-time")
        unsupported(path + ".format", format.dump() + " is not supported; date, time, date-time and uuid are");
      std::string body = name == "date-time" ? Formats.at("date") + " \"T\" " + Formats.at("time") : found->second;
      return addRule(R"("\"" )" + body + R"( "\"" space)");
    }
    if (least == 0 && most < 0)
      return "string";
    if (most >= 0 && most < least)
      throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": 'maxLength' is less than 'minLength'");
    // Half of a pair of surrogates would count as a character: without escapes by number none can be written.
    return addRule(R"("\"" ([^"\\\x00-\x1F] | "\\" ["\\/bfnrt]))" + repetition(least, most) + R"( "\"" space)");
  }

  static std::optional<int64_t> limit(const Json &schema, const char *word, const char *exclusive, int64_t inward,
                                      const std::string &path) {
    std::optional<int64_t> result;
    for (const char *key : {word, exclusive}) {
      if (!schema.contains(key))
        continue;
      const Json &value = schema[key];
      constexpr int64_t Most = 1'000'000'000'000'000'000;
      if (!value.is_number_integer() || value.get<double>() < -double(Most) || value.get<double>() > double(Most))
        wrong(path + "." + key, value, "an integer of at most 18 digits");
      int64_t bound = value.get<int64_t>() + (key == exclusive ? inward : 0);
      result = !result ? bound : inward > 0 ? std::max(*result, bound) : std::min(*result, bound);
    }
    return result;
  }

  std::string integer(const Json &schema, const std::string &path) {
    std::optional<int64_t> least = limit(schema, "minimum", "exclusiveMinimum", 1, path);
    std::optional<int64_t> most = limit(schema, "maximum", "exclusiveMaximum", -1, path);
    if (!least && !most)
      return "integer";
    std::string range = integerRangeGrammar(least, most);
    if (range.empty())
      throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": no integer lies between the limits");
    return addRule("(" + range + ") space");
  }

  std::string array(const Json &schema, const std::string &path) {
    int64_t least = count(schema, "minItems", 0, path), most = count(schema, "maxItems", -1, path);
    if (most >= 0 && most < least)
      throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": 'maxItems' is less than 'minItems'");
    std::vector<std::string> prefix;
    if (schema.contains("prefixItems")) {
      const Json &items = schema["prefixItems"];
      if (!items.is_array())
        wrong(path + ".prefixItems", items, "an array of schemas");
      for (size_t i = 0; i != items.size(); ++i)
        prefix.push_back(convert(items[i], path + ".prefixItems[" + std::to_string(i) + "]"));
    }
    // Behind a prefix there are more items only if the schema speaks of them.
    bool none = schema.contains("items") ? schema["items"] == false : !prefix.empty();
    std::string item = none ? "" : schema.contains("items") ? convert(schema["items"], path + ".items") : "value";
    if (none && least > int64_t(prefix.size()))
      throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": 'minItems' asks for more items than there may be");
    // From the last on: what may follow when so many items are there.
    auto size = int64_t(prefix.size());
    int64_t more = most < 0 ? -1 : std::max<int64_t>(most - size, 0);
    std::string rest = none ? "" : "(\",\" space " + item + ")" + repetition(std::max<int64_t>(least - size, 0), more);
    for (int64_t i = std::min<int64_t>(size, most < 0 ? size : most) - 1; i >= 1; --i) {
      rest = "(\",\" space " + addRule(prefix[size_t(i)] + " " + (most >= 0 && i + 1 >= most ? "" : rest)) + ")";
      rest += i + 1 > least ? "?" : "";
    }
    std::string first = prefix.empty() ? item : prefix[0];
    std::string body = first;
    if (prefix.empty()) {
      int64_t others = most < 0 ? -1 : std::max<int64_t>(most - 1, 0);
      body += " (\",\" space " + item + ")" + repetition(std::max<int64_t>(least - 1, 0), others);
    } else {
      body += " " + (most == 1 ? "" : rest);
    }
    if (most == 0 || first.empty())
      body.clear();
    else
      body = "(" + body + ")" + (least == 0 ? "?" : "");
    return addRule("\"[\" space " + body + " \"]\" space");
  }

  /// A JSON string that is none of `names`, which all begin with `done`. Escapes could spell a name, so there are none.
  std::string otherName(const std::vector<std::u32string> &names, size_t done) {
    std::map<char32_t, std::vector<std::u32string>> next;
    bool complete = false;
    for (const std::u32string &name : names) {
      if (name.size() == done)
        complete = true;
      else
        next[name[done]].push_back(name);
    }
    std::string all, others = "[^\"\\\\\\x00-\\x1F";
    for (auto &[character, longer] : next) {
      others += inClass(character);
      all += "[" + inClass(character) + "] " + otherName(longer, done + 1) + " | ";
    }
    all += others + "] [^\"\\\\\\x00-\\x1F]*";
    return addRule("(" + all + ")" + (complete ? "" : "?"));
  }

  static std::u32string characters(std::string_view text) {
    std::u32string result;
    for (Character character; !text.empty(); text.remove_prefix(character.bytes)) {
      character = readCharacter(text);
      result += character.code;
    }
    return result;
  }

  std::string object(const Json &schema, const std::string &path) {
    Json empty = Json::object();
    const Json &properties = schema.contains("properties") ? schema["properties"] : empty;
    if (!properties.is_object())
      wrong(path + ".properties", properties, "an object");
    std::set<std::string> required;
    if (schema.contains("required")) {
      const Json &names = schema["required"];
      bool texts = names.is_array() && std::all_of(names.begin(), names.end(), [](auto &n) { return n.is_string(); });
      if (!texts)
        wrong(path + ".required", names, "an array of names");
      for (const Json &name : names)
        required.insert(name.get<std::string>());
    }
    std::vector<std::pair<std::string, bool>> members; ///< rule, required
    std::vector<std::u32string> names;
    for (auto &[name, member] : properties.items()) {
      if (name.size() > MaxNameBytes)
        throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": a name has ", name.size(), " bytes, but at most ",
                      MaxNameBytes, " may be");
      std::string value = convert(member, path + "." + name);
      members.emplace_back(addRule(literal(Json(name).dump()) + " space \":\" space " + value),
                           required.erase(name) != 0);
      names.push_back(characters(name));
    }
    const Json *others = schema.contains("additionalProperties") ? &schema["additionalProperties"] : nullptr;
    if (!others && properties.empty() && required.empty())
      return "object";
    bool closed = !others || *others == false;
    std::string other = closed ? "" : convert(*others, path + ".additionalProperties");
    for (const std::string &name : required) { // those that have no schema of their own
      if (closed && others)
        throw Failure(LATHE_INVALID_ARGUMENT, "schema, ", path, ": '", name, "' is required but not allowed");
      members.emplace_back(addRule(literal(Json(name).dump()) + " space \":\" space " + (closed ? "value" : other)),
                           true);
      names.push_back(characters(name));
    }
    std::string more =
        closed ? "" : addRule("\"\\\"\" " + otherName(names, 0) + " \"\\\"\" space \":\" space " + other);
    return memberList(members, more);
  }

  /// Members in order, some of which may be left out, then any number of `more`, if it is not empty.
  std::string memberList(const std::vector<std::pair<std::string, bool>> &members, const std::string &more) {
    // What follows the members so far: where one is there already, and where none is.
    std::string behind = more.empty() ? "" : "(\",\" space " + more + ")*";
    std::string front = more.empty() ? "" : "(" + more + " " + behind + ")?";
    for (size_t i = members.size(); i-- != 0;) {
      auto &[member, needed] = members[i];
      std::string after = behind.empty() ? "" : addRule(behind);
      front = needed ? member + " " + after : "(" + member + " " + after + " | " + addRule("(" + front + ")") + ")";
      behind = needed ? "\",\" space " + member + " " + after : "(\",\" space " + member + ")? " + after;
    }
    return addRule("\"{\" space " + front + " \"}\" space");
  }

  const Json &root;
  std::string rules;
  std::map<std::string, std::string> references;
  int ruleCount = 0, depth = 0;
};

} // namespace

std::string jsonSchemaGrammar(std::string_view schema) {
  Json json;
  try {
    json = Json::parse(schema);
  } catch (const Json::exception &error) {
    throw Failure(LATHE_INVALID_ARGUMENT, "schema: ", error.what());
  }
  return Converter(json).run();
}

} // namespace lathe::runtime
