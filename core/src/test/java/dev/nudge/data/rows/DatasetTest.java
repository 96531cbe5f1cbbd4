package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.nudge.data.Dataset;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Prompts;
import dev.nudge.data.TokenCache;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.ShownRow;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ShapeSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasetTest {
  private static final LengthSettings REFUSE = new LengthSettings(false, false);
  private static final LengthSettings TRUNCATE = new LengthSettings(true, false);
  private static final LengthSettings SPLIT = new LengthSettings(false, true);

  @TempDir Path folder;
  private Tokenizer tokenizer;

  @BeforeEach
  void loadTokenizer() throws IOException {
    tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("plain"), false));
  }

  private Dataset load(LengthSettings length, int maxLength, String... rows) throws IOException {
    return load(settings(null, null, false, rows), length, maxLength);
  }

  private Dataset load(DataSettings data, LengthSettings length, int maxLength) {
    return Dataset.load(data, length, maxLength, tokenizer, null, TokenCache.none());
  }

  private DataSettings settings(
      @Nullable String prompt, @Nullable String completion, boolean skip, String... rows)
      throws IOException {
    Path file = Files.writeString(folder.resolve("d.jsonl"), String.join("\n", rows));
    return new DataSettings(
        List.of(file.toString()),
        prompt,
        completion,
        ShapeSettings.RECOGNISED,
        TrainOn.ASSISTANT,
        skip);
  }

  /// Writes a sequence with `[` before each trained token and `|` before each other.
  private String shown(Example example) {
    return IntStream.range(0, example.length())
        .mapToObj(i -> (example.trained(i) ? "[" : "|") + tokenizer.token(example.id(i)))
        .collect(Collectors.joining());
  }

  private String one(String row) throws IOException {
    Dataset data = load(REFUSE, 100, row);
    assertThat(data.rows()).isEqualTo(1);
    assertThat(data.tokens())
        .isEqualTo(data.longest())
        .isEqualTo(data.examples().getFirst().length());
    assertThat(data.trainedTokens()).isEqualTo(data.examples().getFirst().trainedTokens());
    return shown(data.examples().getFirst());
  }

  @Test
  void theCompletionAndTheEndTokenAreTrained() throws IOException {
    assertThat(one("{'prompt': 'xy', 'completion': ' b'}".replace('\'', '"')))
        .isEqualTo("|x|y[Ġb[</s>");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        // A token that straddles the boundary belongs to the completion: 'Ġab' of 'x a' + 'b'.
        "x a; by; |x[Ġab[y[</s>",
        // Offsets are code points: the emoji in front is one, not two.
        "😀y; z; |ð|Ł|ĺ|Ģ|y[z[</s>",
        "x😀; 😀; |x|ð|Ł|ĺ|Ģ[ð[Ł[ĺ[Ģ[</s>",
        // The first token is never trained, also where it reaches into the completion.
        "a; b; |ab[</s>",
        // Strings of special tokens are special tokens, and an end token is put once.
        "x; y</s>; |x[y[</s>",
        "x</s>; y; |x|</s>[y[</s>",
        "x</s>; </s>; |x|</s>[</s>",
        "<s>x; y; |<s>|x[y[</s>",
      })
  void straddlingEmojiAndSpecialTokens(String prompt, String completion, String shown)
      throws IOException {
    String row = "{\"prompt\": \"%s\", \"completion\": \"%s\"}".formatted(prompt, completion);
    assertThat(one(row)).isEqualTo(shown);
  }

  @Test
  void aTextIsTrainedButForItsFirstToken() throws IOException {
    assertThat(one("{\"text\": \"xyz\"}")).isEqualTo("|x[y[z[</s>");
    assertThat(one("{\"text\": \"x</s>\"}")).isEqualTo("|x[</s>");
    assertThat(one("{\"text\": 12}")).isEqualTo("|1[2[</s>");
    assertThat(one("{\"prompt\": \"\", \"completion\": \"xyz\"}")).isEqualTo("|x[y[z[</s>");
  }

  @Test
  void aBeginningOfTextComesFromThePostProcessorAlone() throws IOException {
    tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("bos"), true));
    assertThat(one("{\"prompt\": \"x\", \"completion\": \"y\"}")).isEqualTo("|<s>|x[y[</s>");
    assertThat(one("{\"prompt\": \"\", \"completion\": \"y\"}")).isEqualTo("|<s>[y[</s>");
    assertThat(one("{\"text\": \"y\"}")).isEqualTo("|<s>[y[</s>");
  }

  @Test
  void sentencePieceTokensKeepTheirPlaces() throws IOException {
    tokenizer = Tokenizer.load(TinyTokenizers.sentencePiece(folder.resolve("sp"), true));
    assertThat(one("{\"prompt\": \"he\", \"completion\": \" a\"}")).isEqualTo("|<s>|▁|he[▁a[</s>");
    assertThat(one("{\"prompt\": \"😀\", \"completion\": \"z\"}"))
        .isEqualTo("|<s>|▁|<0xF0>|<0x9F>|<0x98>|<0x80>[z[</s>");
  }

  @Test
  void promptAndCompletionWinOverText() throws IOException {
    assertThat(one("{\"text\": \"t\", \"prompt\": \"x\", \"completion\": \"y\"}"))
        .isEqualTo("|x[y[</s>");
    assertThat(one("{\"text\": \"xy\", \"prompt\": null, \"completion\": null}"))
        .isEqualTo("|x[y[</s>");
  }

  @Test
  void patternsMakePromptAndCompletionOfAnyColumns() throws IOException {
    String row = "{\"text\": \"q\", \"label\": \"b\", \"completion\": \"z\"}";
    Dataset both = load(settings("{text}:", " {label}", false, row), REFUSE, 100);
    assertThat(shown(both.examples().getFirst())).isEqualTo("|q|:[Ġb[</s>");
    Dataset one = load(settings("{text}", null, false, row), REFUSE, 100);
    assertThat(shown(one.examples().getFirst())).isEqualTo("|q[z[</s>");
  }

  /// The prompt from its left, whole before a token of the answer goes; then the answer's end.
  @ParameterizedTest
  @CsvSource({
    "6, |x|y[z[z[u[</s>",
    "5, |y[z[z[u[</s>",
    "4, |z[z[u[</s>",
    "3, |z[z[u",
    "2, |z[z",
  })
  void aLongRowLosesItsPromptBeforeItsAnswer(int most, String shown) throws IOException {
    assertThat(cut(most, "xy", "zzu")).isEqualTo(shown);
  }

  @ParameterizedTest
  @CsvSource({
    "7, |<s>|x|y[z[z[u[</s>",
    "6, |<s>|y[z[z[u[</s>",
    "5, |<s>[z[z[u[</s>",
    "4, |<s>[z[z[u",
    "2, |<s>[z",
  })
  void theBeginningOfTextStaysWhenThePromptIsCut(int most, String shown) throws IOException {
    tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("bos"), true));
    assertThat(cut(most, "xy", "zzu")).isEqualTo(shown);
  }

  @Test
  void whatStraddlesTheBoundaryIsCutWithTheAnswer() throws IOException {
    assertThat(cut(3, "x a", "by")).isEqualTo("|Ġab[y[</s>"); // of |x[Ġab[y[</s>
    assertThat(cut(2, "x a", "by")).isEqualTo("|Ġab[y");
    assertThat(cut(3, "", "xyz")).isEqualTo("|x[y[z");
    // an end token that the answer brings is cut like any other
    assertThat(cut(3, "xy", "z</s>")).isEqualTo("|y[z[</s>");
    assertThat(cut(2, "xy", "zu</s>")).isEqualTo("|z[u");
  }

  private String cut(int most, String prompt, String completion) throws IOException {
    String row = "{\"prompt\": \"%s\", \"completion\": \"%s\"}".formatted(prompt, completion);
    return shown(load(TRUNCATE, most, row).examples().getFirst());
  }

  @Test
  void aLongTextLosesItsEnd() throws IOException {
    assertThat(shown(load(TRUNCATE, 2, "{\"text\": \"xyz\"}").examples().getFirst()))
        .isEqualTo("|x[y");
    Dataset some = load(TRUNCATE, 2, "{\"text\": \"</s>\"}", "{\"text\": \"xy\"}");
    assertThat(some.untrainedRows()).isEqualTo(1);
    assertThat(some.trainedTokens()).isEqualTo(1);
  }

  @Test
  void aLongTextIsSplitOnRequest() throws IOException {
    Dataset data = load(SPLIT, 3, "{\"text\": \"x\"}", "", "{\"text\": \"xyzuvw\"}");
    assertThat(data.examples().stream().map(this::shown))
        .containsExactly("|x[</s>", "|x[y[z", "|u[v[w", "|</s>");
    assertThat(data.examples().stream().map(Example::index)).containsExactly(0, 1, 1, 1);
    assertThat(data.examples().stream().map(Example::line)).containsExactly(1, 3, 3, 3);
    assertThat(load(new LengthSettings(true, true), 3, "{\"text\": \"xyzu\"}").rows()).isEqualTo(2);
  }

  @Test
  void textsArePutBehindEachOtherAndCut() throws IOException {
    LengthSettings join = new LengthSettings(false, false, true);
    Dataset data =
        load(
            join,
            4,
            "{\"text\": \"xy\"}",
            "{\"text\": \"zuvwxy\"}",
            "{\"prompt\": \"a\", \"completion\": \"b\"}",
            "{\"text\": \"z\"}");
    assertThat(data.examples().stream().map(this::shown))
        .containsExactly("|x[y[</s>[z", "|u[v[w[x", "|ab[</s>", "|y[</s>[z[</s>");
    assertThat(data.examples().stream().map(Example::index)).containsExactly(0, 1, 2, 1);
    assertThat(data.guesses())
        .containsExactly("3 texts behind each other: 3 sequences of up to 4 tokens");
    assertThat(load(join, 9, "{\"text\": \"xy\"}").examples().stream().map(this::shown))
        .containsExactly("|x[y[</s>");
    assertThatThrownBy(() -> new LengthSettings(false, true, true))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--split and --concatenate are both given; a text is cut in one way, so leave one out");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\": |not JSON: ",
        "{'text': 1}|not JSON: ''' stands where a name in double quotes is needed, in column 2",
        "{\"text\": NaN}|not JSON: ",
        "{\"text\": \"a\"} {}|not JSON: there is more behind the object",
        "{\"text\": \"a\", \"text\": \"b\"}|not JSON: the name \"text\" comes twice",
        "[1]|not a JSON object but an array",
        "\"a\"|not a JSON object but a string",
        "7|not a JSON object but a single value",
        "{}|neither 'prompt' and 'completion' nor 'messages' nor 'text'; the row has no columns",
        "{\"question\": 1}|neither 'prompt' and 'completion' nor 'messages' nor 'text'; the columns"
            + " are question; name them in braces, such as --prompt '{question}' --completion '"
            + " {answer}'",
        "{\"messages\": []}|'messages' is an empty list; messages are needed",
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}|the row is a conversation,"
            + " which is not read here",
        "{\"text\": null}|column 'text' is null",
        "{\"text\": \"\"}|the text is empty",
        "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}|the row is a preference pair"
            + " (chosen, rejected); train --objective dpo learns from both answers, --completion '"
            + " {chosen}' trains on the chosen ones",
        "{\"prompt\": \"a \", \"chosen\": \"b\", \"rejected\": \"c\"}|the row is a preference pair"
            + " (chosen, rejected); train --objective dpo learns from both answers, --completion"
            + " '{chosen}' trains",
        "{\"chosen\": \"b\", \"rejected\": \"c\"}|the row is a preference pair (chosen, rejected);"
            + " train --objective dpo learns from both answers, --columns text=chosen trains",
        "{\"prompt\": \"a\", \"chosen\": [], \"rejected\": []}|the row is a preference pair"
            + " (chosen, rejected); train --objective dpo learns from both answers, --columns"
            + " messages=chosen trains",
        "{\"prompt\": [], \"chosen\": [], \"rejected\": []}|the row is a preference pair (chosen,"
            + " rejected); train --objective dpo learns from both answers, --columns"
            + " completion=chosen trains",
        "{\"prompt\": \"a\"}|no column 'completion'; the columns are prompt",
        "{\"prompt\": \"a\", \"completion\": \"\"}|the completion is empty",
        "{\"prompt\": \"a\", \"completion\": null}|column 'completion' is null",
        "{\"prompt\": {}, \"completion\": \"a\"}|column 'prompt' is an object",
        "{\"completion\": \"a\"}|no column 'prompt'",
        "{\"text\": \"\\ud83d\"}|the text is not Unicode",
        "{\"text\": \"xyzuvwxyz\"}|10 tokens are more than --max-length 8; --truncate cuts its"
            + " end, --split makes several rows of it",
        "{\"prompt\": \"xyzuvw\", \"completion\": \"xyz\"}|10 tokens are more than --max-length 8;"
            + " --truncate cuts its prompt from the left",
      })
  void aBadRowRefusesTheData(String row, String reason) {
    assertThatThrownBy(() -> load(REFUSE, 8, "{\"text\": \"x\"}", "", row))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e -> {
              assertThat(e)
                  .hasMessage(
                      folder.resolve("d.jsonl")
                          + ": 1 of 2 rows is bad; --skip-bad-rows sets them aside");
              assertThat(e.details()).hasSize(1);
              assertThat(e.details().getFirst())
                  .startsWith(folder.resolve("d.jsonl") + " line 3: " + reason)
                  .doesNotContain("\n");
            });
  }

  /// A verb without `--split` does not advise it.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\": \"xyz\"}|4|end",
        "{\"prompt\": \"xyz\", \"completion\": \"u\"}|5|prompt from the left"
      })
  void aLongRowIsBadOrCutWhereNoneIsSplit(String row, int tokens, String cut) throws IOException {
    DataSettings rows = settings(null, null, false, "{\"text\": \"x\"}", row);
    TokenCache none = TokenCache.none();
    assertThat(Dataset.whole(rows, true, 3, tokenizer, null, none).longest()).isEqualTo(3);
    assertThatThrownBy(() -> Dataset.whole(rows, false, 3, tokenizer, null, none))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e ->
                assertThat(e.details())
                    .containsExactly(
                        folder.resolve("d.jsonl")
                            + " line 2: "
                            + tokens
                            + " tokens are more than --max-length 3; --truncate cuts its "
                            + cut));
  }

  @Test
  void rowsThatWereCutAreCountedByWhatTheyLost() throws IOException {
    String[] rows = {
      "{\"text\": \"xy\"}",
      "{\"text\": \"xyzuvwxyz\"}",
      "{\"prompt\": \"xyzu\", \"completion\": \"v\"}",
      "{\"prompt\": \"xyzu\", \"completion\": \"vwxyz\"}"
    };
    assertThat(load(TRUNCATE, 4, rows).cutRows())
        .hasToString(
            "3 of 4 rows were cut to 4 tokens: 1 prompt from the left, 1 answer at the end, without"
                + " prompt and end token, 1 text at the end");
    assertThat(load(SPLIT, 4, rows[0], rows[1]).cutRows())
        .hasToString("1 of 2 rows was cut to 4 tokens: 1 text into 3 sequences");
    assertThat(load(TRUNCATE, 99, rows).cutRows().count()).isZero();
  }

  @Test
  void badRowsOfOneKindAreToldOnceWithTheirNumberAndFirstPlaces() throws IOException {
    String[] rows = new String[2_000];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i % 10 == 3 ? "{\"txt\": 1}" : "{\"text\": \"%d\"}".formatted(i);
    }
    assertThatThrownBy(() -> load(REFUSE, 8, rows))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e -> {
              assertThat(e).hasMessageContaining(": 200 of 2000 rows are bad; --skip-bad-rows");
              assertThat(e.details())
                  .containsExactly(
                      folder.resolve("d.jsonl")
                          + " lines 4, 14, 24, 34, 44, … (200 rows): neither 'prompt' and"
                          + " 'completion' nor 'messages' nor 'text'; the columns are txt; name"
                          + " them in braces, such as --prompt '{question}' --completion '"
                          + " {answer}'");
            });
    Dataset data = load(settings(null, null, true, rows), REFUSE, 8);
    assertThat(data.rows()).isEqualTo(1_800);
    assertThat(data.badRows()).isEqualTo(200);
    List<Integer> expected = IntStream.range(0, 2_000).filter(i -> i % 10 != 3).boxed().toList();
    assertThat(data.examples().stream().map(Example::index)).isEqualTo(expected);
  }

  @Test
  void aKindOfMistakeIsToldByItsFirstRowAndKindsAreTwentyAtMost() throws IOException {
    String[] rows = new String[60];
    for (int i = 0; i < rows.length; i++) {
      String name = "c" + i / 2; // a column that is missing in two rows each
      rows[i] = "{\"completion\": 1, \"other%d\": 1, \"%s\": null}".formatted(i, name);
    }
    rows[0] = "{";
    rows[1] = "nothing";
    DataSettings data = settings("{prompt}", null, false, rows);
    assertThatThrownBy(() -> load(data, REFUSE, 8))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e ->
                assertThat(e.details())
                    .satisfiesExactly(
                        line ->
                            assertThat(line)
                                .startsWith(
                                    folder.resolve("d.jsonl")
                                        + " lines 1, 2 (2 rows): not JSON, the first: not JSON: "),
                        line ->
                            assertThat(line)
                                .startsWith(
                                    folder.resolve("d.jsonl")
                                        + " lines 3, 4, 5, 6, 7, … (58 rows): no column 'prompt',"
                                        + " the first: no column 'prompt'; the columns are"
                                        + " completion, other2, c1")));
    BadRows many = new BadRows();
    for (int i = 0; i < 25; i++) {
      many.add(new BadRow(Path.of(i < 3 ? "a" : "b"), i + 1, "reason " + i, "kind " + i));
      many.add(new BadRow(Path.of("b"), i + 1, "reason " + i, "kind " + i));
    }
    assertThatThrownBy(() -> many.check(99, false, List.of("a", "b")))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e -> {
              assertThat(e)
                  .hasMessage("a, b: 50 of 99 rows are bad; --skip-bad-rows sets them aside");
              assertThat(e.details()).hasSize(21);
              assertThat(e.details().getFirst()).isEqualTo("a line 1, b line 1 (2 rows): reason 0");
              assertThat(e.details().getLast()).isEqualTo("and 10 rows for other reasons");
            });
  }

  @Test
  void columnsThatNoRowUsesAreKnown() throws IOException {
    String text = "{\"id\": 1, \"text\": \"xy\", \"label\": \"b\"}";
    assertThat(load(REFUSE, 9, text, text).columns())
        .hasToString("trained: text; unused: id, label");
    Dataset patterns = load(settings("Q{text}", "{label}", false, text), REFUSE, 9);
    assertThat(patterns.columns()).hasToString("prompt: text; trained: label; unused: id");
    Dataset fixed = load(settings("Q", "{text}{label}", false, text), REFUSE, 9);
    assertThat(fixed.columns()).hasToString("trained: text, label; unused: id");
    // a column counts as used where some row uses it
    String row = "{\"prompt\": \"x\", \"completion\": \"y\", \"text\": \"z\", \"n\": null}";
    assertThat(load(REFUSE, 9, row).columns())
        .hasToString("prompt: prompt; trained: completion; unused: text, n");
    assertThat(load(REFUSE, 9, row, text, row).columns().unused())
        .containsExactly("n", "id", "label");
  }

  @Test
  void aRowIsShownAsItIsTrained() throws IOException {
    assertThat(load(REFUSE, 99, "{\"prompt\": \"x\\ny\", \"completion\": \" b\"}").first())
        .isEqualTo(new ShownRow("\"x\\ny\"", "\" b</s>\""));
    assertThat(load(TRUNCATE, 2, "{\"text\": \"xyz\"}").first())
        .isEqualTo(new ShownRow("\"x\"", "\"y\""));
    String longer = "{\"prompt\": \"%s\", \"completion\": \"%s\"}";
    ShownRow shown =
        load(REFUSE, 9_999, longer.formatted("x".repeat(100) + "end:", "begin" + "😀".repeat(99)))
            .first();
    assertThat(shown.given()).isEqualTo("\"" + "x".repeat(16) + " … " + "x".repeat(49) + "end:\"");
    assertThat(shown.trained()).startsWith("\"begin😀").contains("😀 … 😀").endsWith("😀</s>\"");
    assertThat(shown.trained().length()).isLessThan(80);
    tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("bos"), true));
    assertThat(load(REFUSE, 9, "{\"text\": \"xy\"}").first())
        .isEqualTo(new ShownRow("\"<s>\"", "\"xy</s>\""));
  }

  @Test
  void rowsThatAreInOtherDataTooAreCounted() throws IOException {
    String a = "{\"prompt\": \"x\", \"completion\": \"y\"}";
    String b = "{\"prompt\": \"x\", \"completion\": \"z\"}";
    Dataset train = load(REFUSE, 9, a, a, "{\"text\": \"uvw\"}");
    assertThat(load(REFUSE, 9, b).rowsIn(train)).isZero();
    // the same text, whatever its columns
    assertThat(load(REFUSE, 9, b, a, "{\"text\": \"xy\", \"id\": 3}", a).rowsIn(train))
        .isEqualTo(3);
    assertThat(load(REFUSE, 9, "{\"text\": \"uvw\"}").rowsIn(train)).isEqualTo(1);
  }

  @Test
  void dataWithoutARowToTrainIsRefused() throws IOException {
    refused(settings(null, null, true), 8, "holds no rows");
    refused(settings(null, null, true, "", " "), 8, "holds no rows");
    refused(settings(null, null, true, "{", "["), 8, "2 of 2 rows are bad");
    refused(settings("{txt}", null, true, "{\"text\": 1}"), 8, "1 of 1 row is bad");
    refused(settings("{txt", null, true, "{\"text\": 1}"), 8, "--prompt '{txt' is broken");
    refused(settings(null, null, false, "{\"text\": \"</s>\"}"), 2, "nothing would be trained");
  }

  private void refused(DataSettings data, int maxLength, String message) {
    assertThatThrownBy(() -> load(data, TRUNCATE, maxLength))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }

  @Test
  void promptsNeedNoCompletion() throws IOException {
    Prompts plain =
        prompts(settings(null, null, true, "{\"prompt\": \"a\"}", "", "{", "{\"prompt\": 3}"), 9);
    assertThat(plain.prompts().stream().map(Prompts.Prompt::text)).containsExactly("a", "3");
    assertThat(plain.prompts().get(1).index()).isEqualTo(2);
    assertThat(plain.prompts().get(1).line()).isEqualTo(4);
    assertThat(plain.badRows()).isEqualTo(1);
    Prompts made = prompts(settings("Q: {q}\\nA:", "{a}", false, "{\"q\": \"x\"}"), 9);
    assertThat(made.prompts().getFirst().text()).isEqualTo("Q: x\nA:");
    assertThatThrownBy(() -> prompts(settings(null, null, false, "{\"messages\": []}"), 9))
        .asInstanceOf(type(InputException.class))
        .satisfies(e -> assertThat(e.details().getFirst()).contains("'messages'"));
  }

  @Test
  void aPromptWithoutATokenOrWithoutRoomForAnAnswerIsABadRow() throws IOException {
    String[] rows = {
      "{\"prompt\": \"\"}",
      "{\"prompt\": \"xy\"}",
      "",
      "{\"prompt\": \"xyz\"}",
      "{\"prompt\": \"\\ud83d\"}"
    };
    Path file = folder.resolve("d.jsonl");
    List<String> bad =
        List.of(
            file + " line 1: the prompt has no tokens",
            file
                + " line 4: the prompt has 3 tokens, which leaves none of --max-length 3 for an"
                + " answer",
            file + " line 5: the text is not Unicode");
    assertThatThrownBy(() -> prompts(settings(null, null, false, rows), 3))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e -> {
              assertThat(e)
                  .hasMessage(file + ": 3 of 4 rows are bad; --skip-bad-rows sets them aside");
              assertThat(e.details()).hasSize(3);
              for (int i = 0; i < 3; i++) {
                assertThat(e.details().get(i)).startsWith(bad.get(i));
              }
            });
    Prompts some = prompts(settings(null, null, true, rows), 3);
    assertThat(some.prompts().stream().map(Prompts.Prompt::index)).containsExactly(1);
    assertThat(some.badRows()).isEqualTo(3);
    assertThat(prompts(settings(null, null, true, rows), 4).badRows()).isEqualTo(2);
  }

  private Prompts prompts(DataSettings data, int maxLength) {
    return Prompts.load(data, null, maxLength, PromptEncoder.of(tokenizer));
  }
}
