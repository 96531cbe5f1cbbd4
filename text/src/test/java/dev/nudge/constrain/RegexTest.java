package dev.nudge.constrain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Seeds;
import dev.nudge.settings.InputException;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Hold expressions to `java.util.regex`.
class RegexTest {
  private static final List<String> CLASSES =
      List.of(
          "[abc]",
          "[^a]",
          "[a-c0-3]",
          "[^\\d\\s]",
          "\\d",
          "\\w",
          "\\s",
          "\\D",
          "\\W",
          "\\S",
          ".",
          "[é-ü]",
          "\\p{L}",
          "\\P{Lu}",
          "[\\p{Nd}_-]",
          "\\x41",
          "\\u00e9",
          "[\\]\\\\^]",
          "\\pN");
  private static final List<String> LETTERS =
      List.of("a", "b", "c", "0", " ", "é", "日", "😀", "\\.", "\\n", "-", ",", "\\\"", "]", "}");
  private static final String TEXT_LETTERS = "abcABC013 _é日😀.\n-,\"]}\u0085\u00a0\r\t\\^ü";

  @TempDir Path folder;

  private static String expression(Random random, int depth) {
    return switch (random.nextInt(depth > 3 ? 3 : 9)) {
      case 0, 1 -> LETTERS.get(random.nextInt(LETTERS.size()));
      case 2 -> CLASSES.get(random.nextInt(CLASSES.size()));
      case 3, 4, 5 -> expression(random, depth + 1) + expression(random, depth + 1);
      case 6 ->
          (random.nextBoolean() ? "(" : "(?:")
              + expression(random, depth + 1)
              + "|"
              + (random.nextInt(5) == 0 ? "" : expression(random, depth + 1))
              + ")";
      default ->
          "(?:"
              + expression(random, depth + 1)
              + ")"
              + List.of("*", "+", "?", "{2}", "{1,3}", "{0,2}?", "{2,}", "*?")
                  .get(random.nextInt(8));
    };
  }

  private static String text(Random random) {
    int[] letters = TEXT_LETTERS.codePoints().toArray();
    StringBuilder text = new StringBuilder();
    for (int n = random.nextInt(6); n > 0; n--) {
      text.appendCodePoint(letters[random.nextInt(random.nextBoolean() ? 4 : letters.length)]);
    }
    return text.toString();
  }

  /// A text that nearly matches: one with a letter more, less or other.
  private static String changed(String text, Random random) {
    int[] letters = text.codePoints().toArray();
    int at = random.nextInt(letters.length + 1);
    String head = new String(letters, 0, at);
    String tail = new String(letters, at, letters.length - at);
    int skipped = tail.isEmpty() ? 0 : Character.charCount(tail.codePointAt(0));
    return switch (random.nextInt(3)) {
      case 0 -> head + tail.substring(skipped);
      case 1 -> head + text(random) + tail;
      default -> head + text(random) + tail.substring(skipped);
    };
  }

  @Test
  void whatAThousandExpressionsAllowIsWhatJavaMatches() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    int end = tokenizer.eosId();
    Random random = Seeds.random();
    int matching = 0;
    int other = 0;
    for (int n = 0; n < 1000; n++) {
      String expression = expression(random, 0);
      expression = (n % 3 == 0 ? "^" : "") + "(?:" + expression + ")" + (n % 4 == 0 ? "$" : "");
      Constraint constraint = Constraint.regex(expression, tokenizer, List.of(end));
      Pattern pattern = Pattern.compile(expression);
      for (int i = 0; i < 3; i++) {
        String walked = Walks.shortened(constraint, tokenizer, random, random.nextInt(8));
        assertThat(pattern.matcher(walked).matches())
            .as("'%s' for %s", walked, expression)
            .isTrue();
        for (String text : List.of(text(random), changed(walked, random), walked)) {
          boolean matches = pattern.matcher(text).matches();
          assertThat(Walks.allows(constraint, tokenizer, text, random))
              .as("'%s' for %s", text, expression)
              .isEqualTo(matches);
          matching += matches ? 1 : 0;
          other += matches ? 0 : 1;
        }
      }
    }
    assertThat(matching).isGreaterThan(3000);
    assertThat(other).isGreaterThan(2000);
  }

  @Test
  void aTokenizerWithBlocksForSpacesWritesTheSame() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.sentencePiece(folder, true));
    Random random = Seeds.random();
    Pattern pattern = Pattern.compile("(?:hello|[ a-c]{2,4})( é日?)*x?");
    Constraint constraint =
        Constraint.regex(pattern.pattern(), tokenizer, List.of(tokenizer.eosId()));
    for (String text : List.of("hello", " ab é", "a b é日 é", "cc x", "hell", "hello ", "ab日")) {
      assertThat(Walks.allows(constraint, tokenizer, text, random))
          .as(text)
          .isEqualTo(pattern.matcher(text).matches());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '`',
      value = {
        "(a)\\1 -> at character 4: a back reference is not regular",
        "a(?=b) -> at character 4: look-around is not regular",
        "(?<!a)b -> at character 3: look-around is not regular",
        "(?i)a -> at character 3: a group with flags is not allowed",
        "a*+ -> at character 3: a possessive quantifier is not regular",
        "a** -> at character 3: a quantifier stands behind a quantifier",
        "*a -> at character 1: '*' has nothing to repeat; write \\* for the character",
        "a{ -> '{' needs a number; it is {m}, {m,} or {m,n}, and \\{ the character",
        "a{3,2} -> {3,2} has the larger number first",
        "a{2,3 -> '{' is not closed",
        "a{999999} -> more than 100000 times is not allowed",
        "(a -> a group is not closed; write \\( for the character",
        "a) -> at character 2: ')' closes no group; write \\) for the character",
        "[a -> a class is not closed; write \\[ for the character",
        "[] -> a class is empty; write \\] for the character",
        "[z-a] -> a range goes from one character to a later one",
        "[a-\\d] -> a range goes from one character to a later one",
        "[a[b]] -> a class within a class is not allowed; write \\[ for the character",
        "[a&&b] -> && in a class is not allowed; write \\& for the character",
        "\\bfoo -> at character 1: \\b is not allowed; escapes are \\d \\w",
        "\\p{Foo} -> \\p{Foo} is not known; general categories are, such as L",
        "\\ud800 -> \\uD800 is no character",
        "\\x4 -> an escape needs 2 hexadecimal digits",
        "a\\ -> it ends with a backslash; write \\\\ for the character",
        "a^b -> at character 2: '^' stands where text may be before it",
        "a$b -> at character 2: '$' stands where text may be behind it",
        "(^a)* -> at character 2: '^' stands where text may be before it",
        "^* -> an anchor cannot be repeated",
        "((a{999}){999}){9} -> needs more than 1,000,000 states and transitions; use smaller"
            + " numbers in { }",
      })
  void whatIsNotRegularIsRefusedInOneLine(String pattern, String message) throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    assertThatThrownBy(() -> Constraint.regex(pattern, tokenizer, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("the pattern '" + pattern + "'")
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }

  @Test
  void aPatternThatNoTextMatchesIsRefused() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    assertThatThrownBy(() -> Constraint.regex("a[^\\d\\D]", tokenizer, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("allows no text that ends and that the tokenizer can write");
  }
}
