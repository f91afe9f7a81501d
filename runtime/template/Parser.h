#ifndef LATHE_RUNTIME_TEMPLATE_PARSER_H
#define LATHE_RUNTIME_TEMPLATE_PARSER_H

#include "runtime/template/Ast.h"
#include "runtime/template/Lexer.h"

#include <algorithm>

namespace lathe::templates {

/// Makes a tree of tokens. Throws TemplateError with what was found and what is needed.
class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : tokens(std::move(tokens)) {}
  Tree parse();

private:
  /// Of one another, expressions and statements together: the interpreter walks them by calling itself.
  static constexpr uint32_t MaxNesting = 200;
  /// a + b + c ... is as deep as it is long.
  static constexpr uint32_t MaxExpressionDepth = 400;

  // Tokens.
  const Token &current() const { return tokens[at]; }
  const Token &ahead() const { return tokens[std::min(at + 1, tokens.size() - 1)]; }
  Token next();
  bool isName(const char *text) const;
  bool isOperator(const char *text) const;
  bool skipName(const char *text);
  bool skipOperator(const char *text);
  std::string needName(const char *what);
  void needOperator(const char *text);
  void needTagEnd();
  [[noreturn]] void unexpected(const std::string &needed) const;
  Symbol symbolOf(const std::string &name);

  // Statements.
  using Names = std::initializer_list<const char *>;
  /// Up to a tag with one of these names, whose name is then current. `opened` is what they would close.
  Block parseBlock(Names ends, const Token &opened);
  /// The same behind the tag that opens it, whose end is read first.
  Block parseBody(Names ends, const Token &opened);
  /// The same for a body that no break or continue can leave.
  Block parseClosedBody(Names ends, const Token &opened);
  std::unique_ptr<const Statement> parseStatement(Names ends, const Token &opened);
  void parseIf(Statement &statement, const Token &opened);
  void parseFor(Statement &statement, const Token &opened);
  void parseSet(Statement &statement, const Token &opened);
  void parseMacro(Statement &statement, const Token &opened);
  void parseCallBlock(Statement &statement, const Token &opened);
  void parseFilterBlock(Statement &statement, const Token &opened);
  void parseWith(Statement &statement, const Token &opened);
  void parseSignature(Procedure &procedure);
  void parseProcedure(Procedure &procedure, const char *end, const Token &opened);
  Target parseTarget(bool mayBeAttribute);
  Target parseTargetPart(bool mayBeAttribute);

  // Expressions, from what binds least to what binds most.
  ExpressionPtr parseTuple(bool withConditional, bool parenthesized = false);
  bool endsTuple() const;
  ExpressionPtr parseExpression();
  ExpressionPtr parseOr();
  ExpressionPtr parseAnd();
  ExpressionPtr parseNot();
  ExpressionPtr parseCompare();
  ExpressionPtr parseSum();
  ExpressionPtr parseJoin();
  ExpressionPtr parseProduct();
  ExpressionPtr parsePower();
  ExpressionPtr parseUnary(bool withFilters);
  ExpressionPtr parsePrimary();
  ExpressionPtr parseName();
  ExpressionPtr parseString();
  ExpressionPtr parseList();
  ExpressionPtr parseDictionary();
  ExpressionPtr parsePostfix(ExpressionPtr expression);
  ExpressionPtr parseSubscript(ExpressionPtr expression);
  ExpressionPtr parseFiltersAndTests(ExpressionPtr expression);
  ExpressionPtr parseFilter(ExpressionPtr expression);
  ExpressionPtr parseTest(ExpressionPtr expression);
  ExpressionPtr parseCall(ExpressionPtr expression);
  CallArguments parseArguments();

  std::unique_ptr<Expression> make(Expression::Kind kind, uint32_t place) const;
  /// Once all its operands are there: their depth gives its own.
  ExpressionPtr finish(std::unique_ptr<Expression> expression) const;
  ExpressionPtr binary(Operator op, uint32_t place, ExpressionPtr left, ExpressionPtr right) const;

  /// Counts one more level while it lives.
  class Level {
  public:
    explicit Level(Parser &parser);
    ~Level() { --parser.nesting; }

  private:
    Parser &parser;
  };

  std::vector<Token> tokens;
  size_t at = 0;
  uint32_t nesting = 0;
  uint32_t loops = 0;                  ///< that break and continue may leave
  std::vector<Procedure *> procedures; ///< being read, innermost last
  std::unordered_map<std::string, Symbol> symbols;
  Tree tree;
};

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_PARSER_H
