package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.nudge.data.Batches;
import dev.nudge.data.Dataset;
import dev.nudge.data.Mixing;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Prompts;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.tokens.Example;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.Flaw;
import dev.nudge.settings.train.Mixture;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.EvalSplit;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

class SplitsTest {
  @TempDir Path folder;
  private Tokenizer tokenizer;

  @BeforeEach
  void loadTokenizer() throws IOException {
    tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("tokenizer"), false));
  }

  private String write(String name, List<String> rows) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, String.join("\n", rows)).toString();
  }

  private static List<String> rows(int count) {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add("{\"id\": %d, \"group\": \"g%d\", \"text\": \"%d\"}".formatted(i, i % 20, 7 * i));
    }
    return rows;
  }

  private Splits load(
      @Nullable EvalSplit split, @Nullable String eval, QualitySettings quality, String... data) {
    return load(split, eval, quality, 0, data);
  }

  private Splits load(
      @Nullable EvalSplit split,
      @Nullable String eval,
      QualitySettings quality,
      long seed,
      String... data) {
    return Splits.load(
        new Splits.Request(
            DataSettings.of(List.of(data)),
            new EvalSettings(eval, split, null),
            quality,
            new LengthSettings(false, false),
            seed,
            WantedRows.TEXTS),
        200,
        tokenizer,
        null,
        TokenCache.none());
  }

  private static QualitySettings drop(String flaws) {
    return new QualitySettings(List.of(flaws), List.of());
  }

  private static Set<Integer> indices(@Nullable Dataset data) {
    return data == null
        ? Set.of()
        : data.examples().stream().map(Example::index).collect(Collectors.toSet());
  }

  private Set<String> texts(@Nullable Dataset data) {
    return data == null
        ? Set.of()
        : data.examples().stream()
            .map(e -> tokenizer.decode(e.ids(), true))
            .collect(Collectors.toSet());
  }

  @Test
  void aShareIsExactAndDrawnByTheSeed() throws IOException {
    String file = write("a.jsonl", rows(200));
    Splits some = load(new EvalSplit.Share(0.05), null, QualitySettings.KEEP, file);
    assertThat(indices(some.held())).hasSize(10);
    assertThat(indices(some.train()))
        .hasSize(190)
        .doesNotContainAnyElementsOf(indices(some.held()));
    assertThat(indices(load(new EvalSplit.Share(0.05), null, QualitySettings.KEEP, file).held()))
        .isEqualTo(indices(some.held()));
    assertThat(indices(load(new EvalSplit.Share(0.05), null, QualitySettings.KEEP, 1, file).held()))
        .hasSize(10)
        .isNotEqualTo(indices(some.held()));
    assertThat(load(new EvalSplit.Share(0.001), null, QualitySettings.KEEP, file).held())
        .satisfies(held -> assertThat(indices(held)).hasSize(1));
  }

  @Test
  void groupsStayTogetherWhateverTheOrderOfTheRows() throws IOException {
    List<String> rows = rows(400);
    EvalSplit split = new EvalSplit.Grouped(0.3, "group");
    Splits one = load(split, null, QualitySettings.KEEP, write("a.jsonl", rows));
    Set<Integer> groups = new HashSet<>();
    indices(one.held()).forEach(index -> groups.add(index % 20));
    assertThat(groups).hasSizeBetween(2, 11);
    assertThat(indices(one.held())).hasSize(20 * groups.size());
    Set<String> texts = texts(one.held());
    Collections.shuffle(rows, new Random(1));
    Splits other = load(split, null, QualitySettings.KEEP, 5, write("b.jsonl", rows));
    assertThat(texts(other.held())).isEqualTo(texts);
    Splits fewer = load(split, null, QualitySettings.KEEP, write("c.jsonl", rows.subList(0, 200)));
    assertThat(texts).containsAll(texts(fewer.held()));
    assertThatThrownBy(
            () ->
                load(
                    new EvalSplit.Grouped(0.3, "name"),
                    null,
                    QualitySettings.KEEP,
                    folder + "/a.jsonl"))
        .asInstanceOf(type(InputException.class))
        .satisfies(e -> assertThat(e.details().getFirst()).contains("no column 'name'"));
    assertThatThrownBy(
            () ->
                load(
                    new EvalSplit.Grouped(1e-9, "group"),
                    null,
                    QualitySettings.KEEP,
                    folder + "/a.jsonl"))
        .hasMessage(
            "--eval-split 1.0E-9:group holds out none of 400 rows; give another share, a column"
                + " with more values, or --eval-data");
  }

  @Test
  void aSplitIsFoundByItsNameAndIsNotTrainedOn() throws IOException {
    write("set/train-00000-of-00001.jsonl", rows(20));
    write("set/test-00000-of-00001.jsonl", List.of("{\"text\": \"held\"}"));
    Splits splits = load(new EvalSplit.Named("test"), null, QualitySettings.KEEP, folder + "/set");
    assertThat(texts(splits.held())).containsExactly("held");
    assertThat(splits.train().rows()).isEqualTo(20);
    Splits glob =
        load(new EvalSplit.Named("test"), null, QualitySettings.KEEP, folder + "/set/*.jsonl");
    assertThat(glob.train().digest()).isEqualTo(splits.train().digest());
    DataSettings data = DataSettings.of(List.of(folder + "/set"));
    EvalSettings eval = new EvalSettings(null, new EvalSplit.Named("test"), null);
    assertThat(Splits.digest(data, eval)).isEqualTo(splits.train().digest());
    assertThat(Splits.heldDigest(data, eval))
        .isEqualTo(java.util.Objects.requireNonNull(splits.held()).digest());
    assertThat(splits.heldPrompts(1, 9, PromptEncoder.of(tokenizer)))
        .isEmpty(); // texts have no prompt
  }

  @Test
  void promptsAreThoseOfTheRowsHeldOut() throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      rows.add("{\"prompt\": \"%d\", \"completion\": \"a\"}".formatted(i));
    }
    Splits splits =
        load(new EvalSplit.Share(0.1), null, QualitySettings.KEEP, write("a.jsonl", rows));
    assertThat(splits.heldPrompts(9, 9, PromptEncoder.of(tokenizer)))
        .extracting(Prompts.Prompt::index)
        .containsExactlyInAnyOrderElementsOf(indices(splits.held()));
  }

  @Test
  void duplicatesAreCountedAndLeftOutWhereThatIsSaid() throws IOException {
    String file =
        write("a.jsonl", List.of("{\"text\": \"a\"}", "{\"text\": \"b\"}", "{\"text\": \"a\"}"));
    Splits kept = load(null, null, QualitySettings.KEEP, file);
    assertThat(kept.train().rows()).isEqualTo(3);
    assertThat(kept.flaws().lines())
        .containsExactly("1 row the same as an earlier row (" + file + " line 3)");
    Splits dropped = load(null, null, drop("duplicates,turns"), file);
    assertThat(indices(dropped.train())).containsExactly(0, 1);
    assertThat(dropped.flaws().lines())
        .containsExactly("1 row the same as an earlier row (" + file + " line 3), left out");
    assertThatThrownBy(
            () -> load(null, null, new QualitySettings(List.of(), List.of("duplicates")), file))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e -> {
              assertThat(e)
                  .hasMessage(file + " has rows that are refused by --refuse-rows duplicates");
              assertThat(e.details())
                  .containsExactly("1 row the same as an earlier row (" + file + " line 3)");
            });
  }

  @Test
  void rowsThatAreNearlyHeldOutAreCountedOrLeftOut() throws IOException {
    String text = "the pump of line %d reads seven bar and its seal begins to leak under pressure";
    List<String> train = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      train.add("{\"text\": \"%s\"}".formatted(Integer.toString(i * 7919, 36).repeat(12)));
    }
    train.add("{\"text\": \"%s\"}".formatted(text.formatted(3)));
    String data = write("a.jsonl", train);
    String held = write("b.jsonl", List.of("{\"text\": \"%s\"}".formatted(text.formatted(4))));
    Splits kept = load(null, held, QualitySettings.KEEP, data);
    assertThat(kept.flaws().lines())
        .containsExactly("1 row nearly the same as a held-out row (" + data + " line 31)");
    assertThat(load(null, held, drop("near-duplicates"), data).train().rows()).isEqualTo(30);
  }

  @Test
  void secretsAndPersonalDataAreCountedByKind() throws IOException {
    String file =
        write(
            "a.jsonl",
            List.of(
                "{\"text\": \"mail ann@example.org\"}",
                "{\"text\": \"key AKIAIOSFODNN7EXAMPLE, bob@example.org\"}",
                "{\"text\": \"nothing\"}"));
    Splits kept = load(null, null, QualitySettings.KEEP, file);
    assertThat(kept.flaws().lines())
        .containsExactly(
            "1 row with what looks like a key or a password (" + file + " line 2): an AWS key 1",
            "2 rows with what looks like personal data ("
                + file
                + " lines 1, 2): an e-mail address 2");
    assertThat(indices(load(null, null, drop("secrets"), file).train())).containsExactly(0, 2);
    assertThatThrownBy(
            () ->
                load(
                    null,
                    null,
                    drop("personal-data"),
                    write("b.jsonl", List.of("{\"text\": \"a@b.org\"}"))))
        .hasMessageEndingWith("--drop-rows leaves no row");
  }

  @Test
  void whatStandsBesideATextIsLookedAtToo() {
    JsonNode call =
        Json.parse(
            "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\":"
                + " {\"name\": \"mail\", \"arguments\": {\"to\": \"ann.lee@mail.org\"}}}],"
                + " \"reasoning_content\": \"so\"}");
    assertThat(MessageOrder.text(call)).isEmpty();
    assertThat(MessageOrder.all(call))
        .contains("ann.lee@mail.org", "so")
        .doesNotContain("assistant");
    ArrayNode talk = JsonNodeFactory.instance.arrayNode().add(call);
    ContentFlaws look =
        ContentFlaws.at(new RowShape.Content.Conversation(talk, null, DataShape.MESSAGES));
    assertThat(look.flaws()).contains(Flaw.PERSONAL_DATA);
  }

  @Test
  void aMixtureTakesOfEachSourceWhatItSays() throws IOException {
    String a = write("a.jsonl", rows(100));
    String b = write("b.jsonl", rows(20));
    Splits splits = load(null, null, QualitySettings.KEEP, a, b);
    assertThat(taken(splits, List.of(a, b), a + "=50%", b + "=50%")).containsExactly(60, 60);
    assertThat(taken(splits, List.of(a, b), a + "=3%", b + "=1%")).containsExactly(90, 30);
    assertThat(taken(splits, List.of(a, b), b + "=0.5")).containsExactly(100, 100);
    assertThat(taken(splits, List.of(a, b), a + "=0.5x", b + "=2x")).containsExactly(50, 40);
    assertThat(taken(splits, List.of(a, b), a + "=7")).containsExactly(7, 20);
    assertThatThrownBy(() -> taken(splits, List.of(a, b), a + "=100%"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("leave nothing for the other sources");
    Batches batches = batches(splits, List.of(a, b), a + "=50", b + "=50");
    assertThat(batches.shown(List.of("a", "b")))
        .isEqualTo("a 50 rows of 100 (50.0 %), b 50 rows of 20 (50.0 %)");
    List<Integer> first = epoch(batches, 0);
    assertThat(first).hasSize(100);
    List<Integer> second = epoch(batches, 1);
    List<Integer> ofA = first.stream().filter(row -> row < 100).toList();
    List<Integer> nextOfA = second.stream().filter(row -> row < 100).toList();
    assertThat(ofA).hasSize(50).doesNotHaveDuplicates().doesNotContainAnyElementsOf(nextOfA);
    for (int row = 100; row < 120; row++) {
      assertThat(Collections.frequency(first, row)).isBetween(2, 3);
    }
    assertThat(epoch(batches(splits, List.of(a, b), a + "=50", b + "=50"), 1)).isEqualTo(second);
  }

  @Test
  void aMixtureThatIsWrongIsTold() {
    TrainSettings settings = TrainSettings.of(Path.of("m"), Path.of("a.jsonl"), Path.of("o"));
    for (String wrong : List.of("a.jsonl", "a.jsonl=", "a.jsonl=0", "a.jsonl=2.5", "a.jsonl=-1")) {
      assertThatThrownBy(() -> settings.withMixture(wrong))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(
              "withMixture is '" + wrong + "'; it must be a source of withData");
    }
    assertThatThrownBy(() -> settings.withMixture("b.jsonl=2x"))
        .hasMessage("withMixture names b.jsonl, which withData does not; there is a.jsonl");
    assertThatThrownBy(() -> settings.withMixture("a.jsonl=60%", "a.jsonl=50%"))
        .hasMessage("withMixture gives a.jsonl twice; leave one out");
    assertThatThrownBy(() -> settings.withData("a", "b").withMixture("a=60%", "b=50%"))
        .hasMessage("withMixture: the shares are 110.0 % together; they must be at most 100 %");
    assertThat(settings.withMixture("a.jsonl=2x").loop().mixed().parts())
        .containsEntry("a.jsonl", new Mixture.Amount.Times(2));
    assertThat(settings.withDropRows(Flaw.TURNS).quality().dropped()).containsExactly(Flaw.TURNS);
  }

  private static Batches batches(Splits splits, List<String> sources, String... mixture) {
    TrainSettings settings =
        TrainSettings.of(Path.of("m"), Path.of("d"), Path.of("o"))
            .withData(sources.toArray(String[]::new))
            .withMixture(mixture);
    return Batches.mixed(
        Mixing.portions(splits.train(), sources, settings.loop().mixed()), 7, 3, true);
  }

  private static List<Integer> taken(Splits splits, List<String> sources, String... mixture) {
    TrainSettings settings =
        TrainSettings.of(Path.of("m"), Path.of("d"), Path.of("o"))
            .withData(sources.toArray(String[]::new))
            .withMixture(mixture);
    return Mixing.portions(splits.train(), sources, settings.loop().mixed()).stream()
        .map(Batches.Portion::taken)
        .toList();
  }

  private static List<Integer> epoch(Batches batches, int epoch) {
    List<Integer> rows = new ArrayList<>();
    int steps = batches.stepsPerEpoch();
    for (int step = epoch * steps; step < (epoch + 1) * steps; step++) {
      for (int row : batches.step(step)) {
        rows.add(row);
      }
    }
    return rows;
  }
}
