#ifndef LATHE_RUNTIME_GRAMMAR_JSONSCHEMA_H
#define LATHE_RUNTIME_GRAMMAR_JSONSCHEMA_H

#include <string>
#include <string_view>

namespace lathe::runtime {

/// A grammar, in the notation of Grammar.h, of JSON texts that fit a JSON Schema; "{}" or "true" is any JSON. Every
/// text that it allows fits, but not every text that fits is allowed: members come in the schema's order, others only
/// where `additionalProperties` asks for them, space is scarce and numbers have at most 16 digits.
///
/// Known are type, enum, const, properties, required, additionalProperties, items, prefixItems, minItems, maxItems,
/// minLength, maxLength, minimum, maximum, exclusiveMinimum and exclusiveMaximum of integers, format (date, time,
/// date-time, uuid), anyOf, oneOf, allOf of one schema, and $ref within the schema. Words that only describe are passed
/// over; any other throws Failure (LATHE_UNSUPPORTED) with its path, as what it asks for would not be kept. oneOf is
/// taken for anyOf: that a text fits only one of the schemas is not checked. Throws Failure (LATHE_INVALID_ARGUMENT)
/// for what is no JSON or no schema.
std::string jsonSchemaGrammar(std::string_view schema);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_GRAMMAR_JSONSCHEMA_H
