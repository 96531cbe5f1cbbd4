package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.engine.RowScore;
import dev.nudge.machine.Machine;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Rows of three adapters in turn, against a file for each adapter.
@Timeout(1800)
class TableModelTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path MODEL = GOLDEN.resolve("llama/grouped-tied/model");
  private static final Path ADAPTER = GOLDEN.resolve("peft/all-linear/adapter");
  private static final Path OTHER = GOLDEN.resolve("peft/patterns-rslora/adapter");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final Instant DAY = Instant.now();
  private static final int ROWS = 66;

  private final long before = Ledger.bytes();
  private TableModel model;

  @TempDir private Path temp;

  @BeforeEach
  void open() {
    GenerateSettings settings = generate(Map.of());
    model = TableModel.open(settings.model(), null, null, MACHINE, warning -> {});
  }

  @AfterEach
  void close() {
    model.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private static @Nullable Path adapter(int i) {
    return i % 3 == 0 ? null : i % 3 == 1 ? ADAPTER : OTHER;
  }

  private static String json(int i) {
    return "{\"prompt\": \"pump %s\", \"completion\": \" valve %d\"}"
        .formatted("seal ".repeat(i % 7), i);
  }

  private static Iterator<TableModel.Row> rows() {
    return IntStream.range(0, ROWS)
        .mapToObj(i -> new TableModel.Row(i, json(i), adapter(i)))
        .iterator();
  }

  private Path file() throws IOException {
    Path file = temp.resolve("rows.jsonl");
    return Files.write(file, IntStream.range(0, ROWS).mapToObj(TableModelTest::json).toList());
  }

  private static GenerateSettings generate(Map<String, Object> more) {
    Map<String, Object> values = new HashMap<>(Map.of("model", MODEL, "data", List.of("-")));
    values.put("max_tokens", 6);
    values.putAll(more);
    values.values().removeIf("-"::equals);
    return GenerateSettings.of(values);
  }

  /// What each row's adapter gives for a file of all rows, at the row's place.
  private static <T> List<T> expected(Function<@Nullable Path, List<T>> file) {
    List<List<T>> all = List.of(file.apply(null), file.apply(ADAPTER), file.apply(OTHER));
    int each = all.getFirst().size() / ROWS;
    return IntStream.range(0, ROWS * each).mapToObj(i -> all.get(i / each % 3).get(i)).toList();
  }

  private static <T> List<T> values(RowStream<T> results) {
    List<T> values = new ArrayList<>();
    try (results) {
      results.forEachRemaining(
          result -> {
            assertThat(result.error()).isNull();
            values.add(result.value());
          });
    }
    return values;
  }

  private void answersAsFiles(Map<String, Object> sampling) throws IOException {
    Map<String, Object> more = new HashMap<>(sampling);
    more.put("data", List.of(file().toString()));
    GenerateSettings settings = generate(more);
    List<Completion> all =
        expected(
            adapter ->
                Completions.of(
                        adapter == null ? settings : settings.withAdapter(adapter),
                        MACHINE,
                        null,
                        new Completions.Watcher() {})
                    .rows()
                    .stream()
                    .map(Completions.Row::completion)
                    .toList());
    assertThat(values(model.generate(settings, DAY, rows())).stream().flatMap(List::stream))
        .containsExactlyElementsOf(all);
    assertThat(all.stream().map(Completion::text).distinct().count()).isGreaterThan(10);
  }

  @Test
  void answersAreThoseOfFiles() throws IOException {
    answersAsFiles(Map.of());
  }

  @Test
  void sampledAnswersToo() throws IOException {
    answersAsFiles(Map.of("temperature", 1.5, "n", 2, "seed", 7));
  }

  @Test
  void scoresAreThoseOfFiles() throws IOException {
    ScoreSettings settings = ScoreSettings.of(MODEL, file());
    List<RowScore> all =
        expected(
            adapter -> {
              List<RowScore> scores = new ArrayList<>();
              Scoring.score(
                  adapter == null ? settings : settings.withAdapter(adapter),
                  MACHINE,
                  scores::add,
                  warning -> {});
              return scores;
            });
    assertThat(values(model.score(settings, DAY, rows())))
        .usingRecursiveFieldByFieldElementComparatorIgnoringFields("index")
        .containsExactlyElementsOf(all);
  }

  @Test
  void embeddingsAreThoseOfFiles() throws IOException {
    GenerateSettings settings =
        GenerateSettings.of(
            Map.of("model", MODEL, "data", List.of(file().toString()), "embed", true));
    List<float[]> all =
        expected(
            adapter ->
                Embeddings.of(
                        adapter == null ? settings : settings.withAdapter(adapter),
                        MACHINE,
                        null,
                        new Completions.Watcher() {},
                        row -> {})
                    .stream()
                    .map(Embeddings.Row::embedding)
                    .toList());
    List<float[]> given = values(model.embed(settings, DAY, rows()));
    assertThat(given.toArray(float[][]::new)).isDeepEqualTo(all.toArray(float[][]::new));
  }

  @Test
  void aBadRowHasAnErrorAndOthersGoOn() {
    List<TableModel.Row> rows =
        List.of(
            new TableModel.Row(0, json(0), null),
            new TableModel.Row(1, "{\"prompt\": null, \"completion\": \" a\"}", null),
            new TableModel.Row(2, json(2), temp.resolve("none")),
            new TableModel.Row(3, "{\"prompt\": \"" + "pump ".repeat(900) + "\"}", ADAPTER),
            new TableModel.Row(4, json(4), ADAPTER));
    List<RowStream.Result<List<Completion>>> results = new ArrayList<>();
    try (var stream = model.generate(generate(Map.of()), DAY, rows.iterator())) {
      stream.forEachRemaining(results::add);
    }
    assertThat(results)
        .extracting(result -> result.value() != null)
        .containsExactly(true, false, false, false, true);
    assertThat(results.get(0).error()).isNull();
    assertThat(results.get(1).error()).isEqualTo("column 'prompt' is null");
    assertThat(results.get(2).error()).contains(temp.resolve("none").toString());
    assertThat(results.get(3).error()).contains("which leaves none of --max-length");
    ScoreSettings score = ScoreSettings.of(MODEL, Path.of("none"));
    List<RowStream.Result<RowScore>> scores = new ArrayList<>();
    try (var stream = model.score(score, DAY, rows.iterator())) {
      stream.forEachRemaining(scores::add);
    }
    assertThat(scores)
        .extracting(result -> result.value() != null)
        .containsExactly(true, false, false, false, true);
  }

  @Test
  void rowsOfMoreAdaptersThanThereIsRoomForWaitForOneAnother() throws IOException {
    List<List<Completion>> expected = values(model.generate(generate(Map.of()), DAY, rows()));
    AdapterCache adapters = model.adapters();
    List<AdapterCache.Loaded> loaded = adapters.loaded();
    assertThat(loaded).hasSize(2);
    loaded.forEach(adapter -> adapters.drop(adapter.digest()));
    adapters.budget(loaded.stream().mapToLong(AdapterCache.Loaded::bytes).max().orElseThrow());
    assertThat(values(model.generate(generate(Map.of()), DAY, rows())))
        .containsExactlyElementsOf(expected);
    assertThat(adapters.loaded()).hasSize(1);
    assertThat(values(model.score(ScoreSettings.of(MODEL, file()), DAY, rows()))).hasSize(ROWS);
  }

  @Test
  @Timeout(1800)
  void streamsThatFeedOneAnotherMakeRoomForOneAnother() throws IOException {
    values(model.generate(generate(Map.of()), DAY, rows()));
    AdapterCache adapters = model.adapters();
    List<AdapterCache.Loaded> loaded = adapters.loaded();
    loaded.forEach(adapter -> adapters.drop(adapter.digest()));
    adapters.budget(loaded.stream().mapToLong(AdapterCache.Loaded::bytes).max().orElseThrow());
    ScoreSettings settings = ScoreSettings.of(MODEL, file());
    try (var inner = model.generate(generate(Map.of()), DAY, rows());
        var outer = model.score(settings, DAY, behind(inner))) {
      List<RowStream.Result<RowScore>> all = new ArrayList<>();
      outer.forEachRemaining(all::add);
      assertThat(all).hasSize(ROWS).allMatch(result -> result.error() == null);
    }
    assertThat(adapters.loaded()).extracting(AdapterCache.Loaded::leases).containsOnly(0);
  }

  /// The rows again, with their adapters in another order, as a stream ends them.
  private static Iterator<TableModel.Row> behind(RowStream<?> stream) {
    return new Iterator<>() {
      private int i;

      @Override
      public boolean hasNext() {
        return stream.hasNext();
      }

      @Override
      public TableModel.Row next() {
        assertThat(stream.next().error()).isNull();
        return new TableModel.Row(i, json(i), adapter(2 * i++ + 1));
      }
    };
  }

  @Test
  @Timeout(1800)
  void aWaitForAPlaceEndsWithItsTask() {
    RowStream<String> stream =
        begun(
            row -> {
              throw new BusyException("full", 1);
            });
    assertThatThrownBy(stream.until(() -> true)::next)
        .isInstanceOf(RunException.class)
        .hasMessageContaining("cancelled");
  }

  private static RowStream<String> begun(RowStream.Begin<String> begin) {
    return new RowStream<>(rows(), 4, begin);
  }

  private static RowStream<String> failing(InputException failure) {
    return begun(
        row -> {
          throw failure;
        });
  }

  @Test
  void aFileThatCannotBeReadJustNowIsNoFaultOfItsRow() {
    IOException stale = new IOException("Stale file handle");
    try (var stream = failing(new InputException("a: unread", stale))) {
      assertThatThrownBy(stream::next).isInstanceOf(RunException.class).hasMessage("a: unread");
    }
    IOException none = new NoSuchFileException("a");
    try (var stream = failing(new InputException("a: none", none))) {
      assertThat(stream.next().error()).isEqualTo("a: none");
    }
  }

  @Test
  void aPathThatIsNoFolderIsAFaultOfItsRow() throws IOException {
    Path file = Files.writeString(temp.resolve("file"), "");
    Path here = Files.createDirectories(temp.resolve("folder/adapter_config.json")).getParent();
    List<TableModel.Row> rows =
        List.of(
            new TableModel.Row(0, json(0), file),
            new TableModel.Row(1, json(1), temp.resolve("long".repeat(100))),
            new TableModel.Row(2, json(2), here),
            new TableModel.Row(3, json(3), null));
    List<RowStream.Result<List<Completion>>> results = new ArrayList<>();
    try (var stream = model.generate(generate(Map.of()), DAY, rows.iterator())) {
      stream.forEachRemaining(results::add);
    }
    assertThat(results)
        .extracting(result -> result.value() != null)
        .containsExactly(false, false, false, true);
  }

  @Test
  void allRowsAreEndedThoughOneFailsToEnd() {
    List<Long> ended = new ArrayList<>();
    RowStream<String> stream = begun(row -> new Failing(row.number(), ended));
    stream.next();
    assertThatThrownBy(stream::close).hasMessage("1");
    assertThat(ended).containsExactly(1L, 2L, 3L);
  }

  private record Failing(long number, List<Long> ended) implements RowStream.Pending<String> {
    @Override
    public String get() {
      return "value";
    }

    @Override
    public void cancel() {
      ended.add(number);
      throw new IllegalStateException(Long.toString(number));
    }
  }

  @Test
  void rowsThatNobodyWaitsForAreEnded() {
    RowStream<List<Completion>> left =
        model.generate(generate(Map.of("max_tokens", 400)), DAY, rows());
    left.next();
    left.close();
    assertThat(model.adapters().loaded()).extracting(AdapterCache.Loaded::leases).containsOnly(0);
    assertThat(values(model.generate(generate(Map.of()), DAY, rows()))).hasSize(ROWS);
  }

  @Test
  void whatIsWrongWithTheSettingsIsToldBeforeAnyRow() {
    assertThatThrownBy(
            () -> model.generate(generate(Map.of("template", "none.jinja")), DAY, rows()))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(() -> model.generate(generate(Map.of("regex", "(")), DAY, rows()))
        .isInstanceOf(InputException.class);
  }
}
