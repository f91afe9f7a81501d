#include "runtime/template/Parser.h"

#include <algorithm>

namespace lathe::templates {

Parser::Level::Level(Parser &parser) : parser(parser) {
  if (++parser.nesting > MaxNesting)
    throw TemplateError(parser.current().at, "tags and brackets hold each other more than " +
                                                 std::to_string(MaxNesting) + " deep; simplify the template");
}

Token Parser::next() {
  Token token = tokens[at];
  at = std::min(at + 1, tokens.size() - 1); // the end comes again
  return token;
}

bool Parser::isName(const char *text) const { return current().kind == TokenKind::Name && current().text == text; }

bool Parser::isOperator(const char *text) const {
  return current().kind == TokenKind::Operator && current().text == text;
}

bool Parser::skipName(const char *text) {
  bool found = isName(text);
  at += found;
  return found;
}

bool Parser::skipOperator(const char *text) {
  bool found = isOperator(text);
  at += found;
  return found;
}

void Parser::unexpected(const std::string &needed) const {
  throw TemplateError(current().at, "found " + describe(current()) + " where " + needed + " is needed");
}

std::string Parser::needName(const char *what) {
  if (current().kind != TokenKind::Name)
    unexpected(what);
  return next().text;
}

void Parser::needOperator(const char *text) {
  if (!skipOperator(text))
    unexpected(std::string("'") + text + "'");
}

void Parser::needTagEnd() {
  if (current().kind != TokenKind::TagEnd)
    unexpected("'%}'");
  next();
}

Symbol Parser::symbolOf(const std::string &name) {
  auto [found, added] = symbols.emplace(name, Symbol(tree.symbols.size()));
  if (added)
    tree.symbols.push_back(name);
  return found->second;
}

Tree Parser::parse() {
  tree.body = parseBlock({}, current());
  return std::move(tree);
}

static std::unique_ptr<Statement> makeStatement(Statement::Kind kind, uint32_t place) {
  auto statement = std::make_unique<Statement>();
  statement->kind = kind;
  statement->at = place;
  return statement;
}

static std::string listed(std::initializer_list<const char *> names) {
  std::string text;
  for (const char *name : names)
    text += (text.empty() ? "'{% " : " or '{% ") + std::string(name) + " %}'";
  return text;
}

Block Parser::parseBlock(Names ends, const Token &opened) {
  Level level(*this);
  Block block;
  for (;;) {
    Token token = current();
    if (token.kind == TokenKind::End) {
      if (ends.size() == 0)
        return block;
      throw TemplateError(opened.at, "'" + opened.text + "' does not end: found the end of the template where " +
                                         listed(ends) + " is needed");
    }
    next();
    if (token.kind == TokenKind::Data) {
      auto statement = makeStatement(Statement::Kind::Text, token.at);
      statement->text = token.text;
      block.push_back(std::move(statement));
    } else if (token.kind == TokenKind::PrintBegin) {
      auto statement = makeStatement(Statement::Kind::Print, token.at);
      statement->expressions.push_back(parseTuple(/*withConditional=*/true));
      if (current().kind != TokenKind::PrintEnd)
        unexpected("'}}'");
      next();
      block.push_back(std::move(statement));
    } else {
      if (std::any_of(ends.begin(), ends.end(), [&](const char *end) { return isName(end); }))
        return block;
      block.push_back(parseStatement(ends, opened));
    }
  }
}

Block Parser::parseBody(Names ends, const Token &opened) {
  skipOperator(":");
  needTagEnd();
  return parseBlock(ends, opened);
}

Block Parser::parseClosedBody(Names ends, const Token &opened) {
  uint32_t outer = std::exchange(loops, 0);
  Block body = parseBody(ends, opened);
  loops = outer;
  return body;
}

std::unique_ptr<const Statement> Parser::parseStatement(Names ends, const Token &opened) {
  Token tag = current();
  std::string name = needName("the name of a tag");
  auto statement = makeStatement(Statement::Kind::If, tag.at);
  if (name == "if") {
    parseIf(*statement, tag);
  } else if (name == "for") {
    parseFor(*statement, tag);
  } else if (name == "set") {
    parseSet(*statement, tag);
  } else if (name == "macro") {
    parseMacro(*statement, tag);
  } else if (name == "call") {
    parseCallBlock(*statement, tag);
  } else if (name == "filter") {
    parseFilterBlock(*statement, tag);
  } else if (name == "with") {
    parseWith(*statement, tag);
  } else if (name == "print") {
    statement->kind = Statement::Kind::Print;
    do
      statement->expressions.push_back(parseExpression());
    while (skipOperator(","));
  } else if (name == "generation") {
    statement->kind = Statement::Kind::Generation;
    statement->blocks.push_back(parseClosedBody({"endgeneration"}, tag));
    next();
  } else if (name == "break" || name == "continue") {
    if (loops == 0)
      throw TemplateError(tag.at, "'" + name + "' stands outside of a 'for'");
    statement->kind = name == "break" ? Statement::Kind::Break : Statement::Kind::Continue;
  } else {
    std::string needed = ends.size() ? "; '" + opened.text + "' is open and needs " + listed(ends) : std::string();
    throw TemplateError(tag.at, "found the tag '" + name +
                                    "', which is not one of if, for, set, macro, call, filter, " +
                                    "with, print, raw, generation, break and continue" + needed);
  }
  needTagEnd();
  return statement;
}

void Parser::parseIf(Statement &statement, const Token &opened) {
  for (;;) {
    statement.expressions.push_back(parseTuple(/*withConditional=*/false));
    statement.blocks.push_back(parseBody({"elif", "else", "endif"}, opened));
    std::string end = next().text;
    if (end == "elif")
      continue;
    if (end == "else") {
      statement.blocks.push_back(parseBody({"endif"}, opened));
      next();
    }
    return;
  }
}

void Parser::parseFor(Statement &statement, const Token &opened) {
  statement.kind = Statement::Kind::For;
  statement.target = parseTarget(/*mayBeAttribute=*/false);
  if (!skipName("in"))
    unexpected("'in'");
  statement.expressions.push_back(parseTuple(/*withConditional=*/false));
  statement.expressions.push_back(skipName("if") ? parseExpression() : nullptr);
  if (isName("recursive"))
    throw TemplateError(current().at, "'recursive' is not supported; write a macro that calls itself");
  ++loops;
  statement.blocks.push_back(parseBody({"else", "endfor"}, opened));
  --loops;
  statement.symbol = symbolOf("loop");
  if (next().text == "else") {
    statement.blocks.push_back(parseBody({"endfor"}, opened));
    next();
  }
}

void Parser::parseSet(Statement &statement, const Token &opened) {
  statement.target = parseTarget(/*mayBeAttribute=*/true);
  if (skipOperator("=")) {
    statement.kind = Statement::Kind::Set;
    statement.expressions.push_back(parseTuple(/*withConditional=*/true));
    return;
  }
  statement.kind = Statement::Kind::SetBlock;
  ExpressionPtr filters;
  while (skipOperator("|"))
    filters = parseFilter(std::move(filters));
  statement.expressions.push_back(std::move(filters));
  statement.blocks.push_back(parseClosedBody({"endset"}, opened));
  next();
}

void Parser::parseSignature(Procedure &procedure) {
  needOperator("(");
  while (!isOperator(")")) {
    if (!procedure.parameters.empty())
      needOperator(",");
    Token token = current();
    std::string name = needName("the name of a parameter");
    if (skipOperator("="))
      procedure.defaults.push_back(parseExpression());
    else if (!procedure.defaults.empty())
      throw TemplateError(token.at, "parameter '" + name + "' has no default but stands behind one that has");
    procedure.parameters.push_back(symbolOf(name));
    procedure.names.push_back(name);
  }
  next();
}

void Parser::parseProcedure(Procedure &procedure, const char *end, const Token &opened) {
  procedures.push_back(&procedure);
  procedure.body = parseClosedBody({end}, opened);
  procedures.pop_back();
  next();
}

void Parser::parseMacro(Statement &statement, const Token &opened) {
  statement.kind = Statement::Kind::Macro;
  statement.procedure.name = needName("the name of the macro");
  statement.symbol = symbolOf(statement.procedure.name);
  parseSignature(statement.procedure);
  parseProcedure(statement.procedure, "endmacro", opened);
}

void Parser::parseCallBlock(Statement &statement, const Token &opened) {
  statement.kind = Statement::Kind::Call;
  statement.procedure.name = "caller";
  if (isOperator("("))
    parseSignature(statement.procedure);
  uint32_t place = current().at;
  statement.expressions.push_back(parseExpression());
  if (statement.expressions.back()->kind != Expression::Kind::Call)
    throw TemplateError(place, "'call' needs the call of a macro");
  parseProcedure(statement.procedure, "endcall", opened);
}

void Parser::parseFilterBlock(Statement &statement, const Token &opened) {
  statement.kind = Statement::Kind::FilterBlock;
  ExpressionPtr filters;
  do
    filters = parseFilter(std::move(filters));
  while (skipOperator("|"));
  statement.expressions.push_back(std::move(filters));
  statement.blocks.push_back(parseClosedBody({"endfilter"}, opened));
  next();
}

void Parser::parseWith(Statement &statement, const Token &opened) {
  statement.kind = Statement::Kind::With;
  while (current().kind != TokenKind::TagEnd) {
    if (!statement.targets.empty())
      needOperator(",");
    statement.targets.push_back(parseTargetPart(/*mayBeAttribute=*/false));
    needOperator("=");
    statement.expressions.push_back(parseExpression());
  }
  statement.blocks.push_back(parseBody({"endwith"}, opened));
  next();
}

Target Parser::parseTarget(bool mayBeAttribute) {
  Target first = parseTargetPart(mayBeAttribute);
  if (!isOperator(","))
    return first;
  Target target;
  target.kind = Target::Kind::Tuple;
  target.at = first.at;
  target.parts.push_back(std::move(first));
  while (skipOperator(",")) {
    if (isOperator("=") || isOperator(")") || isName("in"))
      break;
    target.parts.push_back(parseTargetPart(mayBeAttribute));
  }
  return target;
}

Target Parser::parseTargetPart(bool mayBeAttribute) {
  Level level(*this);
  if (skipOperator("(")) {
    Target target = parseTarget(mayBeAttribute);
    needOperator(")");
    return target;
  }
  Target target;
  target.at = current().at;
  std::string name = needName("a name to assign to");
  for (const char *constant : {"true", "false", "none", "True", "False", "None"})
    if (name == constant)
      throw TemplateError(target.at, "cannot assign to '" + name + "'; choose another name");
  target.symbol = symbolOf(name);
  if (mayBeAttribute && skipOperator(".")) {
    target.kind = Target::Kind::Attribute;
    target.attribute = needName("the name of an attribute");
  }
  return target;
}

} // namespace lathe::templates
