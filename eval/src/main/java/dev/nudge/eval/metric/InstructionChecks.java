package dev.nudge.eval.metric;

import static java.util.Map.entry;

import dev.nudge.python.JsonCheck;
import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// The checks of [Instructions], with the harness's quirks: keywords are regular expressions, any
/// line with a hyphen may be a bullet, two asterisks count as two highlights.
final class InstructionChecks {
  private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES;
  private static final List<String> OPTIONS =
      List.of("My answer is yes.", "My answer is no.", "My answer is maybe.");
  private static final Pattern WORDS = Pattern.compile("\\w+", FLAGS);
  private static final Map<String, Function<InstructionArguments, Predicate<String>>> CHECKS =
      Map.ofEntries(
          entry("keywords:existence", InstructionChecks::keywords),
          entry("keywords:frequency", InstructionChecks::frequency),
          entry("keywords:forbidden_words", InstructionChecks::forbidden),
          entry("keywords:letter_frequency", InstructionChecks::letters),
          entry("language:response_language", InstructionChecks::language),
          entry(
              "length_constraints:number_sentences",
              given ->
                  counted(
                      given.count("relation", "num_sentences"), t -> PunktSentences.of(t).size())),
          entry(
              "length_constraints:number_paragraphs",
              given -> exactly(given.number("num_paragraphs"), ResponseFormat::paragraphs)),
          entry(
              "length_constraints:number_words",
              given ->
                  counted(
                      given.count("relation", "num_words"),
                      t -> PythonText.found(WORDS, t).size())),
          entry("length_constraints:nth_paragraph_first_word", InstructionChecks::firstWord),
          entry(
              "detectable_content:number_placeholders",
              given -> atLeast(given.number("num_placeholders"), ResponseFormat::placeholders)),
          entry("detectable_content:postscript", InstructionChecks::postscript),
          entry(
              "detectable_format:number_bullet_lists",
              given -> exactly(given.number("num_bullets"), ResponseFormat::bullets)),
          entry(
              "detectable_format:constrained_response",
              given -> text -> OPTIONS.stream().anyMatch(text::contains)),
          entry(
              "detectable_format:number_highlighted_sections",
              given -> atLeast(given.number("num_highlights"), ResponseFormat::highlights)),
          entry("detectable_format:multiple_sections", InstructionChecks::sections),
          entry("detectable_format:json_format", given -> ResponseFormat::isJson),
          entry("detectable_format:title", given -> ResponseFormat::hasTitle),
          entry("combination:two_responses", given -> ResponseFormat::areTwo),
          entry("combination:repeat_prompt", InstructionChecks::repeats),
          entry("startend:end_checker", InstructionChecks::ends),
          entry("startend:quotation", given -> ResponseFormat::isQuoted),
          entry(
              "change_case:capital_word_frequency",
              given ->
                  counted(
                      given.count("capital_relation", "capital_frequency"),
                      t -> (int) WordTokens.of(t).stream().filter(PythonText::isUpper).count())),
          entry(
              "change_case:english_capital",
              given -> text -> PythonText.isUpper(text) && "en".equals(Languages.of(text))),
          entry(
              "change_case:english_lowercase",
              given -> text -> PythonText.isLower(text) && "en".equals(Languages.of(text))),
          entry("punctuation:no_comma", given -> text -> text.indexOf(',') < 0));

  private InstructionChecks() {}

  static Set<String> known() {
    return new TreeSet<>(CHECKS.keySet());
  }

  /// Returns the predicate of an instruction.
  static Predicate<String> of(InstructionArguments given) {
    Function<InstructionArguments, Predicate<String>> check = CHECKS.get(given.id());
    if (check == null) {
      throw new InputException(
          "the instruction '%s' is unknown; there are %s"
              .formatted(given.id(), String.join(", ", known())));
    }
    return check.apply(given);
  }

  private static Predicate<String> counted(IntPredicate asked, Function<String, Integer> number) {
    return text -> asked.test(number.apply(text));
  }

  private static Predicate<String> atLeast(int least, Function<String, Integer> number) {
    return counted(n -> n >= least, number);
  }

  private static Predicate<String> exactly(int asked, Function<String, Integer> number) {
    return counted(n -> n == asked, number);
  }

  private static Predicate<String> sections(InstructionArguments given) {
    String splitter = PythonText.strip(given.text("section_spliter"));
    Pattern pattern = PythonRegex.compile("\\s?" + splitter + "\\s?\\d+\\s?");
    return atLeast(given.number("num_sections"), text -> PythonText.found(pattern, text).size());
  }

  /// Returns a keyword as the harness searches it: a case-insensitive regular expression.
  ///
  /// @param edge pattern before and after the keyword
  private static Pattern keyword(String edge, String expression) {
    Pattern pattern = PythonRegex.compile(expression);
    int anyCase = Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE;
    return Pattern.compile(edge + pattern.pattern() + edge, pattern.flags() | anyCase);
  }

  private static Predicate<String> keywords(InstructionArguments given) {
    List<Pattern> keywords =
        given.texts("keywords").stream().map(word -> keyword("", word)).toList();
    return text -> keywords.stream().allMatch(keyword -> keyword.matcher(text).find());
  }

  private static Predicate<String> frequency(InstructionArguments given) {
    Pattern keyword = keyword("", PythonText.strip(given.text("keyword")));
    return counted(
        given.count("relation", "frequency"), text -> PythonText.found(keyword, text).size());
  }

  private static Predicate<String> forbidden(InstructionArguments given) {
    List<Pattern> words =
        given.texts("forbidden_words").stream()
            .map(word -> keyword(PythonText.EDGE, word))
            .toList();
    return text -> words.stream().noneMatch(word -> word.matcher(text).find());
  }

  private static Predicate<String> letters(InstructionArguments given) {
    String letter = PythonText.lower(given.text("letter"));
    if (letter.codePointCount(0, letter.length()) != 1) {
      throw given.wrong("letter", letter, "one character");
    }
    int asked = letter.codePointAt(0);
    return counted(
        given.count("let_relation", "let_frequency"),
        text -> (int) PythonText.lower(text).codePoints().filter(c -> c == asked).count());
  }

  private static Predicate<String> language(InstructionArguments given) {
    String asked = given.text("language");
    return text -> {
      String language = Languages.of(text);
      return language == null || language.equals(asked); // as in the harness
    };
  }

  private static Predicate<String> firstWord(InstructionArguments given) {
    int asked = given.number("num_paragraphs");
    int nth = given.number("nth_paragraph");
    String first = PythonText.lower(given.text("first_word"));
    if (nth > asked) {
      throw given.wrong("nth_paragraph", nth, "at most num_paragraphs, which is " + asked);
    }
    return text -> {
      String[] paragraphs = text.split("\n\n", -1);
      long number = Arrays.stream(paragraphs).filter(p -> !PythonText.strip(p).isEmpty()).count();
      if (nth > number) {
        return false;
      }
      List<String> words = PythonText.split(paragraphs[nth - 1]);
      return !words.isEmpty() && number == asked && bare(words.getFirst()).equals(first);
    };
  }

  /// Returns a word without leading quotes and without the text from a mark on.
  private static String bare(String word) {
    String bare = PythonText.stripStart(PythonText.stripStart(word, '\''), '"');
    int end = 0;
    while (end < bare.length() && ".,?!'\"".indexOf(bare.charAt(end)) < 0) {
      end++;
    }
    StringBuilder lower = new StringBuilder();
    bare.substring(0, end)
        .codePoints()
        .forEach(c -> lower.append(PythonText.lower(Character.toString(c))));
    return lower.toString();
  }

  private static Predicate<String> postscript(InstructionArguments given) {
    String marker = PythonText.strip(given.text("postscript_marker"));
    String expression =
        switch (marker) {
          case "P.P.S" -> "\\s*p\\.\\s?p\\.\\s?s.*$";
          case "P.S." -> "\\s*p\\.\\s?s\\..*$";
          default -> "\\s*" + PythonText.lower(marker) + ".*$";
        };
    Pattern compiled = PythonRegex.compile(expression);
    Pattern pattern = Pattern.compile(compiled.pattern(), compiled.flags() | Pattern.MULTILINE);
    return text -> pattern.matcher(PythonText.lower(text)).find();
  }

  private static Predicate<String> repeats(InstructionArguments given) {
    String prompt = PythonText.lower(PythonText.strip(given.text("prompt_to_repeat")));
    return text -> PythonText.lower(PythonText.strip(text)).startsWith(prompt);
  }

  private static Predicate<String> ends(InstructionArguments given) {
    String phrase = PythonText.lower(PythonText.strip(given.text("end_phrase")));
    return text -> {
      String bare = PythonText.stripEnd(PythonText.stripStart(PythonText.strip(text), '"'), '"');
      return PythonText.lower(bare).endsWith(phrase);
    };
  }

  /// Finds Markdown and other formatting in a response, as IFEval defines it.
  private static final class ResponseFormat {
    private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES;
    private static final int LINES = FLAGS | Pattern.MULTILINE;
    private static final String BLANK = "[\\s\\x1c-\\x1f]"; // \s of Python's re

    private static final Pattern STAR = Pattern.compile("^" + BLANK + "*\\*[^*].*$", LINES);
    private static final Pattern HYPHEN = Pattern.compile("^" + BLANK + "*-.*$", LINES);
    private static final Pattern HIGHLIGHT = Pattern.compile("\\*[^\\n*]*\\*", FLAGS);
    private static final Pattern DOUBLE_HIGHLIGHT = Pattern.compile("\\*\\*[^\\n*]*\\*\\*", FLAGS);
    private static final Pattern DIVIDER =
        Pattern.compile(BLANK + "?\\*\\*\\*" + BLANK + "?", FLAGS);
    private static final Pattern TITLE = Pattern.compile("<<[^\\n]+>>", FLAGS);
    private static final Pattern PLACEHOLDER = Pattern.compile("\\[.*?\\]", FLAGS);

    private ResponseFormat() {}

    /// The number of paragraphs between `***` dividers; −1 if an inner one is empty.
    static int paragraphs(String text) {
      String[] paragraphs = DIVIDER.split(text, -1);
      int number = paragraphs.length;
      for (int i = 0; i < paragraphs.length; i++) {
        if (PythonText.strip(paragraphs[i]).isEmpty()) {
          if (i > 0 && i < paragraphs.length - 1) {
            return -1;
          }
          number--;
        }
      }
      return number;
    }

    /// The number of lines that begin with a star or a hyphen.
    static int bullets(String text) {
      return PythonText.found(STAR, text).size() + PythonText.found(HYPHEN, text).size();
    }

    /// The number of highlighted texts between stars; one in double stars counts twice if the inner
    /// pair would do.
    static int highlights(String text) {
      int highlights = 0;
      for (String highlight : PythonText.found(HIGHLIGHT, text)) {
        String inside = PythonText.stripEnd(PythonText.stripStart(highlight, '*'), '*');
        highlights += PythonText.strip(inside).isEmpty() ? 0 : 1;
      }
      for (String highlight : PythonText.found(DOUBLE_HIGHLIGHT, text)) {
        String inside = highlight.substring(2);
        inside = inside.endsWith("**") ? inside.substring(0, inside.length() - 2) : inside;
        highlights += PythonText.strip(inside).isEmpty() ? 0 : 1;
      }
      return highlights;
    }

    /// The number of placeholders in square brackets.
    static int placeholders(String text) {
      return PythonText.found(PLACEHOLDER, text).size();
    }

    /// Whether the response is JSON, with or without a code fence.
    static boolean isJson(String text) {
      String json = PythonText.strip(text);
      for (String fence : List.of("```json", "```Json", "```JSON", "```")) {
        json = json.startsWith(fence) ? json.substring(fence.length()) : json;
      }
      json = json.endsWith("```") ? json.substring(0, json.length() - 3) : json;
      return JsonCheck.is(PythonText.strip(json));
    }

    /// Whether there is a title in double angle brackets.
    static boolean hasTitle(String text) {
      return PythonText.found(TITLE, text).stream()
          .map(title -> PythonText.stripEnd(PythonText.stripStart(title, '<'), '>'))
          .anyMatch(title -> !PythonText.strip(title).isEmpty());
    }

    /// Whether the response is two different answers separated by six stars.
    static boolean areTwo(String text) {
      String[] parts = text.split("\\*{6}", -1);
      List<String> answers = new ArrayList<>();
      for (int i = 0; i < parts.length; i++) {
        String answer = PythonText.strip(parts[i]);
        if (!answer.isEmpty()) {
          answers.add(answer);
        } else if (i > 0 && i < parts.length - 1) {
          return false;
        }
      }
      return answers.size() == 2 && !answers.get(0).equals(answers.get(1));
    }

    /// Whether the response is in double quotes.
    static boolean isQuoted(String text) {
      String bare = PythonText.strip(text);
      return bare.length() > 1 && bare.startsWith("\"") && bare.endsWith("\"");
    }
  }
}
