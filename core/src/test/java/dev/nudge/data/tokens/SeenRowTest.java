package dev.nudge.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.LengthBins;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SeenRowTest {
  @TempDir Path folder;

  private Dataset data(Tokenizer tokenizer, String... rows) throws IOException {
    Path file = Files.writeString(folder.resolve("rows.jsonl"), String.join("\n", rows));
    DataSettings data = DataSettings.of(List.of(file.toString()));
    LengthSettings cut = new LengthSettings(true, false);
    return Dataset.load(data, cut, 40, tokenizer, null, TokenCache.none());
  }

  @Test
  void aRowIsItsTokensAsTextInPartsThatAreTrainedOrNot() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, true));
    SeenRow row =
        data(tokenizer, "", "{\"prompt\": \"he 😀\", \"completion\": \" ab\"}")
            .seen(5, tokenizer, index -> List.of())
            .getFirst();
    assertThat(row.text()).isEqualTo("<s>he 😀 ab</s>");
    assertThat(row.parts())
        .containsExactly(new SeenRow.Part("<s>he 😀", false), new SeenRow.Part(" ab</s>", true));
    assertThat(row.spans()).containsExactly(List.of(7, 14)); // the emoji is one code point
    assertThat(row.index()).isZero();
    assertThat(row.line()).isEqualTo(2);
    assertThat(row.trained()).hasSameSizeAs(row.ids());
    assertThat(row.trainedTokens()).isEqualTo(2);
  }

  /// The decoder of SentencePiece puts spaces behind special tokens, so decoded tokens are not what
  /// was encoded.
  @Test
  void theTextIsWhatTheTemplateRendered() throws IOException {
    Path model = TinyTokenizers.sentencePiece(folder.resolve("model"), true);
    Files.writeString(
        model.resolve("chat_template.jinja"),
        "<s>{% for m in messages %}{% if m.role == 'user' %}<he> {{ m.content }} he{% else %} {{"
            + " m.content }}</s>{% endif %}{% endfor %}");
    String chat =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"ab  é\"}, {\"role\": \"assistant\","
            + " \"content\": \"😀 ab\"}]}";
    List<SeenRow> rows = seen(model, chat, "{\"prompt\": \" he\", \"completion\": \"  ab\"}");
    SeenRow said = rows.getFirst();
    assertThat(said.text()).isEqualTo("<s><he> ab  é he 😀 ab</s>");
    assertThat(said.parts())
        .containsExactly(
            new SeenRow.Part("<s><he> ab  é he", false), new SeenRow.Part(" 😀 ab</s>", true));
    Tokenizer tokenizer = Tokenizer.load(model);
    assertThat(said.text()).isNotEqualTo(tokenizer.decode(said.ids(), false));
    assertThat(said.tokens()).hasSameSizeAs(said.ids()).startsWith("<s>").endsWith("</s>");
    SeenRow written = rows.getLast();
    assertThat(written.text()).isEqualTo("<s> he  ab</s>");
    assertThat(written.parts().getLast()).isEqualTo(new SeenRow.Part("  ab</s>", true));
  }

  @Test
  void aLabelThatIsBlankIsAnEmptyCompletion() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, true));
    for (String label : List.of("", " ")) {
      Path file =
          Files.writeString(folder.resolve("labels.csv"), "subject,category\nhe," + label + "\n");
      DataSettings data =
          DataSettings.of(List.of(file.toString())).withPatterns("{subject}:", " {category}");
      LengthSettings cut = new LengthSettings(true, false);
      assertThatThrownBy(() -> Dataset.load(data, cut, 40, tokenizer, null, TokenCache.none()))
          .isInstanceOfSatisfying(
              InputException.class,
              e ->
                  assertThat(String.join("\n", e.details()))
                      .contains("the completion is empty: 'category' is blank"));
    }
  }

  private List<SeenRow> seen(Path model, String... rows) throws IOException {
    Tokenizer tokenizer = Tokenizer.load(model);
    Path file = Files.writeString(folder.resolve("seen.jsonl"), String.join("\n", rows));
    DataSettings data = DataSettings.of(List.of(file.toString()));
    Splits.Request wanted =
        new Splits.Request(
            data,
            new EvalSettings(null, null, null),
            QualitySettings.KEEP,
            new LengthSettings(true, false),
            0,
            WantedRows.TEXTS);
    ChatRows chat = ChatRows.of(model, data, tokenizer);
    return Splits.load(wanted, 80, tokenizer, chat, TokenCache.none()).seen(9, tokenizer);
  }

  @Test
  void partsTogetherAreTheTextAlsoWhereABoundaryCutsACharacter() throws IOException {
    List<Path> folders =
        List.of(
            TinyTokenizers.byteLevel(folder.resolve("a"), true),
            TinyTokenizers.sentencePiece(folder.resolve("b"), true));
    for (Path one : folders) {
      Tokenizer tokenizer = Tokenizer.load(one);
      int[] ids = tokenizer.ids("ab 😀 é 漢");
      for (int cut = 1; cut < ids.length; cut++) {
        Example example = new Example(ids, trainedFrom(cut, ids.length), line());
        SeenRow row = SeenRow.of(example, tokenizer);
        StringBuilder all = new StringBuilder();
        row.parts().forEach(part -> all.append(part.text()));
        assertThat(all.toString()).isEqualTo(row.text()).isEqualTo(tokenizer.decode(ids, false));
        assertThat(row.parts()).noneMatch(part -> part.text().contains("\uFFFD"));
        assertThat(row.parts()).allMatch(part -> Tokenizer.loneSurrogate(part.text()) < 0);
      }
    }
  }

  private static BitSet trainedFrom(int from, int to) {
    BitSet trained = new BitSet(to);
    trained.set(from, to);
    return trained;
  }

  private static SourceLine line() {
    return new SourceLine(0, Path.of("rows"), 1, "");
  }

  @Test
  void lengthsFallIntoFewBinsOfOneWidth() {
    LengthBins lengths = LengthBins.of(IntStream.of(3, 812, 40, 0, 99, 100));
    assertThat(lengths.width()).isEqualTo(100);
    assertThat(lengths.counts()).containsExactly(4, 1, 0, 0, 0, 0, 0, 0, 1);
    assertThat(lengths.names()).startsWith("0-99", "100-199").endsWith("800-899");
    assertThat(lengths.longest()).isEqualTo(812);
    assertThat(LengthBins.of(IntStream.of(7)).names()).endsWith("7").hasSize(8);
    assertThat(LengthBins.of(IntStream.of(Integer.MAX_VALUE)).counts().size()).isBetween(2, 10);
  }

  @Test
  void aBeginningThatIsThereTwiceAndAnEndThatIsNotTrainedAreCounted() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, true));
    Dataset data =
        data(
            tokenizer,
            "{\"prompt\": \"<s>he\", \"completion\": \" ab\"}",
            "{\"prompt\": \"he\", \"completion\": \"" + "x".repeat(60) + "\"}",
            "{\"text\": \"he\"}");
    assertThat(data.cutRows().count()).isEqualTo(1);
    assertThat(data.ends(tokenizer)).isEqualTo(new SpecialTokenCounts(1, 2));
  }
}
