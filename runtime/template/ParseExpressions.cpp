#include "runtime/template/Parser.h"

#include <algorithm>

namespace lathe::templates {

using Kind = Expression::Kind;

std::unique_ptr<Expression> Parser::make(Kind kind, uint32_t place) const {
  auto expression = std::make_unique<Expression>();
  expression->kind = kind;
  expression->at = place;
  return expression;
}

ExpressionPtr Parser::finish(std::unique_ptr<Expression> expression) const {
  auto hold = [&](const ExpressionPtr &part) {
    if (part)
      expression->depth = std::max(expression->depth, part->depth + 1);
  };
  for (const ExpressionPtr &operand : expression->operands)
    hold(operand);
  for (const ExpressionPtr &argument : expression->arguments.positional)
    hold(argument);
  for (auto &[name, argument] : expression->arguments.named)
    hold(argument);
  hold(expression->arguments.list);
  hold(expression->arguments.dictionary);
  if (expression->depth > MaxExpressionDepth)
    throw TemplateError(expression->at, "this expression has more than " + std::to_string(MaxExpressionDepth) +
                                            " parts inside of each other; split it with 'set', or join text with '~'");
  return expression;
}

ExpressionPtr Parser::binary(Operator op, uint32_t place, ExpressionPtr left, ExpressionPtr right) const {
  auto expression = make(Kind::Binary, place);
  expression->operators.push_back(op);
  expression->operands.push_back(std::move(left));
  expression->operands.push_back(std::move(right));
  return finish(std::move(expression));
}

bool Parser::endsTuple() const {
  TokenKind kind = current().kind;
  return kind == TokenKind::PrintEnd || kind == TokenKind::TagEnd || kind == TokenKind::End || isOperator(")");
}

ExpressionPtr Parser::parseTuple(bool withConditional, bool parenthesized) {
  uint32_t place = current().at;
  std::vector<ExpressionPtr> items;
  bool comma = false;
  while (!endsTuple()) {
    items.push_back(withConditional ? parseExpression() : parseOr());
    if (!isOperator(","))
      break;
    comma = true;
    next();
  }
  if (items.size() == 1 && !comma)
    return std::move(items[0]);
  if (items.empty() && !parenthesized)
    unexpected("an expression");
  auto tuple = make(Kind::Tuple, place);
  tuple->operands = std::move(items);
  return finish(std::move(tuple));
}

ExpressionPtr Parser::parseExpression() {
  Level level(*this);
  ExpressionPtr value = parseOr();
  while (isName("if")) {
    auto expression = make(Kind::Conditional, next().at);
    expression->operands.push_back(std::move(value));
    expression->operands.push_back(parseOr());
    expression->operands.push_back(skipName("else") ? parseExpression() : nullptr);
    value = finish(std::move(expression));
  }
  return value;
}

ExpressionPtr Parser::parseOr() {
  ExpressionPtr left = parseAnd();
  if (!isName("or"))
    return left;
  auto expression = make(Kind::Or, current().at);
  expression->operands.push_back(std::move(left));
  while (skipName("or"))
    expression->operands.push_back(parseAnd());
  return finish(std::move(expression));
}

ExpressionPtr Parser::parseAnd() {
  ExpressionPtr left = parseNot();
  if (!isName("and"))
    return left;
  auto expression = make(Kind::And, current().at);
  expression->operands.push_back(std::move(left));
  while (skipName("and"))
    expression->operands.push_back(parseNot());
  return finish(std::move(expression));
}

ExpressionPtr Parser::parseNot() {
  if (!isName("not"))
    return parseCompare();
  Level level(*this);
  auto expression = make(Kind::Not, next().at);
  expression->operands.push_back(parseNot());
  return finish(std::move(expression));
}

ExpressionPtr Parser::parseCompare() {
  static const std::pair<const char *, Operator> Operators[] = {
      {"==", Operator::Equal},     {"!=", Operator::NotEqual}, {"<", Operator::Less},
      {"<=", Operator::LessEqual}, {">", Operator::Greater},   {">=", Operator::GreaterEqual}};
  ExpressionPtr left = parseSum();
  std::unique_ptr<Expression> expression;
  for (;;) {
    uint32_t place = current().at;
    const auto *found = std::find_if(std::begin(Operators), std::end(Operators),
                                     [&](auto &candidate) { return isOperator(candidate.first); });
    Operator op;
    if (found != std::end(Operators)) {
      op = found->second;
      next();
    } else if (skipName("in")) {
      op = Operator::In;
    } else if (isName("not") && ahead().kind == TokenKind::Name && ahead().text == "in") {
      op = Operator::NotIn;
      at += 2;
    } else {
      return expression ? finish(std::move(expression)) : std::move(left);
    }
    if (!expression) {
      expression = make(Kind::Compare, place);
      expression->operands.push_back(std::move(left));
    }
    expression->operators.push_back(op);
    expression->operands.push_back(parseSum());
  }
}

ExpressionPtr Parser::parseSum() {
  ExpressionPtr left = parseJoin();
  while (isOperator("+") || isOperator("-")) {
    Token token = next();
    left = binary(token.text == "+" ? Operator::Add : Operator::Subtract, token.at, std::move(left), parseJoin());
  }
  return left;
}

ExpressionPtr Parser::parseJoin() {
  ExpressionPtr left = parseProduct();
  if (!isOperator("~"))
    return left;
  auto expression = make(Kind::Join, current().at);
  expression->operands.push_back(std::move(left));
  while (skipOperator("~"))
    expression->operands.push_back(parseProduct());
  return finish(std::move(expression));
}

ExpressionPtr Parser::parseProduct() {
  static const std::pair<const char *, Operator> Operators[] = {
      {"*", Operator::Multiply}, {"/", Operator::Divide}, {"//", Operator::FloorDivide}, {"%", Operator::Modulo}};
  ExpressionPtr left = parsePower();
  for (;;) {
    const auto *found = std::find_if(std::begin(Operators), std::end(Operators),
                                     [&](auto &candidate) { return isOperator(candidate.first); });
    if (found == std::end(Operators))
      return left;
    uint32_t place = next().at;
    left = binary(found->second, place, std::move(left), parsePower());
  }
}

ExpressionPtr Parser::parsePower() {
  ExpressionPtr left = parseUnary(/*withFilters=*/true);
  while (isOperator("**")) {
    uint32_t place = next().at;
    left = binary(Operator::Power, place, std::move(left), parseUnary(/*withFilters=*/true));
  }
  return left;
}

ExpressionPtr Parser::parseUnary(bool withFilters) {
  Level level(*this);
  ExpressionPtr value;
  if (isOperator("-") || isOperator("+")) {
    Token token = next();
    auto expression = make(token.text == "-" ? Kind::Negative : Kind::Positive, token.at);
    expression->operands.push_back(parseUnary(/*withFilters=*/false));
    value = finish(std::move(expression));
  } else {
    value = parsePrimary();
  }
  value = parsePostfix(std::move(value));
  return withFilters ? parseFiltersAndTests(std::move(value)) : std::move(value);
}

ExpressionPtr Parser::parsePrimary() {
  Token token = current();
  auto constant = make(Kind::Constant, token.at);
  if (token.kind == TokenKind::Name)
    return parseName();
  if (token.kind == TokenKind::String)
    return parseString();
  if (token.kind == TokenKind::Integer || token.kind == TokenKind::Float) {
    next();
    constant->constant = token.kind == TokenKind::Float ? Value(token.number) : Value(token.integer);
    return constant;
  }
  if (isOperator("(")) {
    next();
    ExpressionPtr inner = parseTuple(/*withConditional=*/true, /*parenthesized=*/true);
    needOperator(")");
    return inner;
  }
  if (isOperator("["))
    return parseList();
  if (isOperator("{"))
    return parseDictionary();
  unexpected("an expression");
}

ExpressionPtr Parser::parseName() {
  Token token = next();
  const std::string &name = token.text;
  auto constant = make(Kind::Constant, token.at);
  if (name == "none" || name == "None")
    return constant;
  bool yes = name == "true" || name == "True";
  if (yes || name == "false" || name == "False") {
    constant->constant = Value(yes);
    return constant;
  }
  auto expression = make(Kind::Name, token.at);
  expression->symbol = symbolOf(name);
  expression->name = name;
  for (Procedure *procedure : procedures) {
    procedure->usesCaller |= name == "caller";
    procedure->usesVarargs |= name == "varargs";
    procedure->usesKwargs |= name == "kwargs";
  }
  return expression;
}

ExpressionPtr Parser::parseString() {
  auto constant = make(Kind::Constant, current().at);
  std::string text;
  while (current().kind == TokenKind::String)
    text += next().text;
  constant->constant = Value::text(std::move(text));
  return constant;
}

ExpressionPtr Parser::parseList() {
  auto list = make(Kind::List, next().at);
  while (!isOperator("]")) {
    if (!list->operands.empty()) {
      needOperator(",");
      if (isOperator("]"))
        break;
    }
    list->operands.push_back(parseExpression());
  }
  next();
  return finish(std::move(list));
}

ExpressionPtr Parser::parseDictionary() {
  auto dictionary = make(Kind::Dictionary, next().at);
  while (!isOperator("}")) {
    if (!dictionary->operands.empty()) {
      needOperator(",");
      if (isOperator("}"))
        break;
    }
    dictionary->operands.push_back(parseExpression());
    needOperator(":");
    dictionary->operands.push_back(parseExpression());
  }
  next();
  return finish(std::move(dictionary));
}

ExpressionPtr Parser::parsePostfix(ExpressionPtr value) {
  for (;;) {
    if (isOperator(".") || isOperator("["))
      value = parseSubscript(std::move(value));
    else if (isOperator("("))
      value = parseCall(std::move(value));
    else
      return value;
  }
}

ExpressionPtr Parser::parseSubscript(ExpressionPtr value) {
  Token opened = next();
  auto expression = make(Kind::Item, opened.at);
  expression->operands.push_back(std::move(value));
  if (opened.text == ".") {
    if (current().kind == TokenKind::Integer) {
      auto index = make(Kind::Constant, current().at);
      index->constant = Value(next().integer);
      expression->operands.push_back(std::move(index));
    } else {
      expression->kind = Kind::Attribute;
      expression->at = current().at;
      expression->name = needName("the name of an attribute");
    }
    return finish(std::move(expression));
  }
  ExpressionPtr first = isOperator(":") ? nullptr : parseExpression();
  expression->operands.push_back(std::move(first));
  if (skipOperator(":")) {
    expression->kind = Kind::Slice;
    bool ends = isOperator("]") || isOperator(":");
    expression->operands.push_back(ends ? nullptr : parseExpression());
    bool step = skipOperator(":") && !isOperator("]");
    expression->operands.push_back(step ? parseExpression() : nullptr);
  } else if (isOperator(",")) {
    throw TemplateError(current().at, "found ',' in a subscript, which takes one index or slice");
  }
  needOperator("]");
  return finish(std::move(expression));
}

ExpressionPtr Parser::parseCall(ExpressionPtr value) {
  auto expression = make(Kind::Call, current().at);
  expression->operands.push_back(std::move(value));
  expression->arguments = parseArguments();
  return finish(std::move(expression));
}

CallArguments Parser::parseArguments() {
  CallArguments arguments;
  needOperator("(");
  for (bool first = true; !isOperator(")"); first = false) {
    if (!first) {
      needOperator(",");
      if (isOperator(")"))
        break;
    }
    Token token = current();
    if (isOperator("*") && !arguments.list && !arguments.dictionary) {
      next();
      arguments.list = parseExpression();
    } else if (isOperator("**") && !arguments.dictionary) {
      next();
      arguments.dictionary = parseExpression();
    } else if (token.kind == TokenKind::Name && ahead().kind == TokenKind::Operator && ahead().text == "=" &&
               !arguments.dictionary) {
      at += 2;
      arguments.named.emplace_back(token.text, parseExpression());
    } else if (!arguments.list && !arguments.dictionary && arguments.named.empty()) {
      arguments.positional.push_back(parseExpression());
    } else {
      throw TemplateError(token.at, "arguments without a name stand first, then those with one, then *list, **dict");
    }
  }
  next();
  return arguments;
}

ExpressionPtr Parser::parseFiltersAndTests(ExpressionPtr value) {
  for (;;) {
    if (skipOperator("|"))
      value = parseFilter(std::move(value));
    else if (isName("is"))
      value = parseTest(std::move(value));
    else if (isOperator("("))
      value = parseCall(std::move(value)); // {{ x | attr('f')() }}
    else
      return value;
  }
}

ExpressionPtr Parser::parseFilter(ExpressionPtr value) {
  auto expression = make(Kind::Filter, current().at);
  expression->name = needName("the name of a filter");
  expression->operands.push_back(std::move(value));
  if (isOperator("("))
    expression->arguments = parseArguments();
  return finish(std::move(expression));
}

ExpressionPtr Parser::parseTest(ExpressionPtr value) {
  next();
  bool negated = skipName("not");
  auto expression = make(Kind::Test, current().at);
  expression->name = needName("the name of a test");
  expression->operands.push_back(std::move(value));
  TokenKind kind = current().kind;
  bool name = kind == TokenKind::Name && !isName("else") && !isName("or") && !isName("and");
  if (isName("is"))
    throw TemplateError(current().at, "one 'is' cannot follow another; join them with 'and'");
  if (isOperator("(")) {
    expression->arguments = parseArguments();
  } else if (name || kind == TokenKind::String || kind == TokenKind::Integer || kind == TokenKind::Float ||
             isOperator("[") || isOperator("{")) {
    expression->arguments.positional.push_back(parsePostfix(parsePrimary()));
  }
  uint32_t place = expression->at;
  ExpressionPtr test = finish(std::move(expression));
  if (!negated)
    return test;
  auto negation = make(Kind::Not, place);
  negation->operands.push_back(std::move(test));
  return finish(std::move(negation));
}

} // namespace lathe::templates
