package dev.nudge.constrain;

import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import java.util.BitSet;
import java.util.Collection;
import tools.jackson.databind.JsonNode;

/// A grammar that generated text must follow: a regular expression, or a JSON schema for one value.
///
/// It is compiled once for a tokenizer; then a sampler asks the state of each sequence for the
/// token mask ([State#allowed]), chooses a token and pushes it. The mask is exact: a token is
/// allowed if at least one complete text continues with it, so a sequence never gets stuck. Text is
/// limited to what the tokenizer can write: a character that is a token, or each of whose bytes is
/// a token (all, if the vocabulary has the 256 bytes).
///
/// Threading: any number of threads may share a constraint and its states.
public final class Constraint {
  /// The state of the automaton after a text. It is immutable; [#push] returns another.
  public interface State {
    /// Returns the mask of the tokens that may come next: bit `id & 63` of word `id >> 6`. It is
    /// cached, so do not change it. Ids beyond its last word are not allowed.
    ///
    /// Tokens that end a text are allowed if and only if it is [#complete]. Other special tokens
    /// are never allowed.
    ///
    /// @throws InputException if the mask would take more states than one call may make
    long[] allowed();

    /// Returns the state after a token; after one that ends the text, this state.
    ///
    /// @throws IllegalArgumentException if the token is not allowed
    /// @throws InputException as [#allowed]
    State push(int id);

    /// Whether the text so far may end here.
    boolean complete();
  }

  private final GrammarMatcher machine;

  private Constraint(GrammarMatcher machine) {
    this.machine = machine;
  }

  /// Compiles a regular expression that the whole text must match.
  ///
  /// The syntax is the regular part that [java.util.regex.Pattern] and ECMAScript share:
  /// characters, `.`, classes, `\d \w \s`, `\p{L}`, groups, `|`, `* + ? {m,n}`, and `^ $` at the
  /// ends. Where the two differ, Java's meaning holds (`\s` and `\w` are ASCII).
  ///
  /// @param ends tokens that end a text; empty: the sampler ends it by itself
  /// @throws InputException if the expression is not supported, or no text matches it
  public static Constraint regex(String pattern, Tokenizer tokenizer, Collection<Integer> ends) {
    return Work.limited(() -> ofRegex(pattern, tokenizer, ends));
  }

  private static Constraint ofRegex(String pattern, Tokenizer tokenizer, Collection<Integer> ends) {
    TokenTrie words = TokenTrie.of(tokenizer, ends);
    Rules rules = new Rules();
    int whole = rules.rule();
    try {
      CharNfa texts = RegularExpressionParser.automaton(pattern, false, "the pattern ");
      new Spelling(rules, words.writable()).all(rules.start(whole), texts, rules.end(whole), false);
    } catch (Work.TooLarge e) {
      throw new InputException(
          "the pattern '%s' needs more than %s; use smaller numbers in { }"
              .formatted(pattern, e.getMessage()),
          e);
    }
    return of(rules, words, ends, "the pattern '" + pattern + "'");
  }

  /// Compiles a JSON schema (2020-12, and earlier drafts where they agree with it). The text is one
  /// JSON value that is valid under the schema.
  ///
  /// Keywords: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`,
  /// `prefixItems`, `minItems`, `maxItems`, `minLength`, `maxLength`, `pattern` (as in [#regex],
  /// but it may match within a string), `format` (date, time, date-time, uuid, ipv4, email),
  /// `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`, `allOf`, `anyOf`,
  /// `oneOf` with branches that are evidently disjoint, `$ref` within the schema, also recursive.
  /// Titles and other annotations are ignored; any other keyword is refused.
  ///
  /// A value is written in one layout: after `:` and `,` one space or none, no other white space;
  /// properties in the order of the schema, then those it does not name; characters as they are,
  /// but `"`, `\` and control characters escaped; numbers with bounds or `multipleOf` without an
  /// exponent. A property that the schema does not name may come twice.
  ///
  /// @param ends tokens that end a text; empty: the sampler ends it by itself
  /// @throws InputException if the schema is not supported, or no value is valid
  public static Constraint jsonSchema(
      String schema, Tokenizer tokenizer, Collection<Integer> ends) {
    TokenTrie words = TokenTrie.of(tokenizer, ends);
    JsonNode root = JsonSchema.read(schema);
    return Work.limited(
        () -> of(SchemaCompiler.compile(root, words.writable()), words, ends, "the schema"));
  }

  private static Constraint of(
      Rules rules, TokenTrie words, Collection<Integer> ends, String what) {
    if (!rules.seal()) {
      throw new InputException(
          what + " allows no text that ends and that the tokenizer can write; loosen it");
    }
    BitSet endIds = new BitSet();
    ends.forEach(endIds::set);
    return new Constraint(new GrammarMatcher(rules, words, endIds));
  }

  /// Estimates the bytes of the compiled grammar, which is never evicted.
  public long bytes() {
    return machine.bytes();
  }

  /// Estimates the bytes of the states and masks cached so far.
  public long cachedBytes() {
    return machine.cachedBytes();
  }

  /// Sets the bytes that states and masks may take; beyond them the cache is cleared.
  public void limitCache(long bytes) {
    machine.limit(bytes);
  }

  /// Returns the state before the first token.
  public State start() {
    return machine.start();
  }
}
