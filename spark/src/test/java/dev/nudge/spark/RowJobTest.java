package dev.nudge.spark;

import static dev.nudge.spark.SparkTests.run;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.nudge.eval.run.Evaluation;
import dev.nudge.format.Json;
import dev.nudge.generate.Completions;
import dev.nudge.generate.Embeddings;
import dev.nudge.generate.Scoring;
import dev.nudge.machine.Machine;
import dev.nudge.machine.SystemMemory;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.spark.SparkTests.Ran;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.hadoop.io.compress.BZip2Codec;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Tables against files: rows of two adapters and of the base, in tasks of this process that may
/// fail twice.
class RowJobTest {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden");
  private static final Path MODEL = GOLDEN.resolve("llama/grouped-tied/model");
  private static final List<String> ADAPTERS =
      List.of(
          GOLDEN.resolve("peft/all-linear/adapter").toString(),
          GOLDEN.resolve("peft/patterns-rslora/adapter").toString());
  private static final int ROWS = 24;
  private static final AtomicInteger MADE = new AtomicInteger();

  private static SparkSession session;
  private static long before;

  @TempDir private Path temp;

  @BeforeAll
  static void begin() {
    before = Ledger.bytes();
    session =
        SparkTests.session("local[2,3]").config("spark.sql.shuffle.partitions", "2").getOrCreate();
    session.sparkContext().setLogLevel("OFF");
  }

  @AfterAll
  static void end() {
    session.stop();
    assertThat(Ledger.bytes()).isEqualTo(before); // the model went with the session
  }

  private static String prompt(int i) {
    return "pump " + "seal ".repeat(i % 7) + (char) ('a' + i % 5);
  }

  private static @Nullable String adapter(int i) {
    return i % 3 == 2 ? null : ADAPTERS.get(i % 3);
  }

  private static Dataset<Row> table() {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      rows.add(RowFactory.create((long) i, prompt(i), " valve " + i, adapter(i)));
    }
    return session
        .createDataFrame(
            rows,
            new StructType()
                .add("id", DataTypes.LongType)
                .add("prompt", DataTypes.StringType)
                .add("completion", DataTypes.StringType)
                .add("adapter", DataTypes.StringType))
        .repartitionByRange(3, org.apache.spark.sql.functions.col("id"))
        .sortWithinPartitions("id");
  }

  private Path file() throws IOException {
    List<String> lines =
        IntStream.range(0, ROWS)
            .mapToObj(i -> Json.line(Map.of("prompt", prompt(i), "completion", " valve " + i)))
            .toList();
    return Files.write(temp.resolve("rows.jsonl"), lines);
  }

  private interface OfFile {
    void each(@Nullable Path adapter, Consumer<Object> rows) throws IOException;
  }

  /// What `nudge` gives for a file, one line a row, each by its own adapter.
  private static List<String> ofFiles(OfFile file) throws IOException {
    List<List<String>> all = new ArrayList<>();
    for (int adapter = 0; adapter < 3; adapter++) {
      List<String> lines = new ArrayList<>();
      String folder = adapter(adapter);
      file.each(folder == null ? null : Path.of(folder), row -> lines.add(Json.line(row)));
      all.add(lines);
    }
    int each = all.getFirst().size() / ROWS;
    return IntStream.range(0, ROWS * each)
        .mapToObj(i -> all.get(i / each % 3).get(i).replaceFirst("\"index\":\\d+,", ""))
        .toList();
  }

  /// Columns of rows as JSON, with their errors, which are null and so not there.
  private static List<String> lines(Dataset<Row> results, String... columns) {
    String[] rest = Arrays.copyOfRange(columns, 1, columns.length + 1);
    rest[rest.length - 1] = "error";
    return results.select(columns[0], rest).toJSON().collectAsList();
  }

  private static GenerateSettings settings(Map<String, ?> more) {
    Map<String, Object> values = new HashMap<>(Map.of("model", MODEL, "data", List.of("none")));
    values.put("max_tokens", 6);
    values.putAll(more);
    return GenerateSettings.of(values);
  }

  private static Machine machine() {
    return Machine.here(ExecutorModel.cache());
  }

  private List<String> completions(Map<String, Object> sampling) throws IOException {
    Map<String, Object> more = new HashMap<>(sampling);
    more.put("data", List.of(file().toString()));
    GenerateSettings settings = settings(more);
    return ofFiles(
        (adapter, rows) ->
            Completions.of(
                    adapter == null ? settings : settings.withAdapter(adapter),
                    machine(),
                    null,
                    new Completions.Watcher() {})
                .rows()
                .forEach(rows));
  }

  @Test
  void completionsAreThoseOfFiles() throws IOException {
    Dataset<Row> results = NudgeSpark.generate(session, settings(Map.of()), table());
    assertThat(results.columns())
        .containsExactly("id", "prompt", "adapter", "completion", "tokens", "stop", "error");
    assertThat(lines(results, "completion", "tokens", "stop")).isEqualTo(completions(Map.of()));
  }

  @Test
  void sampledCompletionsToo() throws IOException {
    Map<String, Object> sampling = Map.of("temperature", 1.5, "n", 2, "seed", 3);
    Dataset<Row> results = NudgeSpark.generate(session, settings(sampling), table());
    assertThat(lines(results, "choice", "completion", "tokens", "stop"))
        .isEqualTo(completions(sampling));
  }

  @Test
  void scoresAreThoseOfFiles() throws IOException {
    ScoreSettings settings = ScoreSettings.of(MODEL, file());
    List<String> expected =
        ofFiles(
            (adapter, rows) ->
                Scoring.score(
                    adapter == null ? settings : settings.withAdapter(adapter),
                    machine(),
                    rows::accept,
                    _ -> {}));
    Dataset<Row> results = NudgeSpark.score(session, settings, table());
    assertThat(lines(results, "tokens", "logprob", "greedy")).isEqualTo(expected);
  }

  @Test
  void embeddingsAreThoseOfFiles() throws IOException {
    GenerateSettings settings =
        GenerateSettings.of(
            Map.of("model", MODEL, "data", List.of(file().toString()), "embed", true));
    List<String> expected =
        ofFiles(
            (adapter, rows) ->
                Embeddings.of(
                    adapter == null ? settings : settings.withAdapter(adapter),
                    machine(),
                    null,
                    new Completions.Watcher() {},
                    rows::accept));
    Dataset<Row> results = NudgeSpark.embed(session, settings, table());
    assertThat(lines(results, "embedding")).isEqualTo(expected);
  }

  /// The first attempt of each task fails behind its fifth row, when the model has answered more.
  @Test
  void aTaskThatFailsOnItsFirstAttemptWritesEachRowOnce() throws IOException {
    Dataset<Row> results = NudgeSpark.generate(session, settings(Map.of()), table());
    MADE.set(0);
    MapFunction<Row, Row> failing =
        row -> {
          MADE.incrementAndGet();
          if (TaskContext.get().attemptNumber() == 0 && row.<Long>getAs("id") % 8 == 5) {
            throw new IllegalStateException("the first attempt fails");
          }
          return row;
        };
    String out = temp.resolve("out").toString();
    results.map(failing, Encoders.row(results.schema())).write().parquet(out);
    Dataset<Row> written = session.read().parquet(out).orderBy("id");
    assertThat(MADE.get()).isGreaterThan(ROWS);
    assertThat(written.select("id").as(Encoders.LONG()).collectAsList())
        .isEqualTo(LongStream.range(0, ROWS).boxed().toList());
    assertThat(lines(written, "completion", "tokens", "stop")).isEqualTo(completions(Map.of()));
  }

  @Test
  void aBadRowHasAnErrorAndOthersGoOn() {
    Dataset<Row> rows =
        session.sql(
            "SELECT * FROM VALUES ('pump', '%1$s'), (NULL, '%1$s'), ('pump', 'none@there'), ('pump', NULL), (repeat('pump ', 900), NULL) AS t(prompt, adapter)"
                .formatted(ADAPTERS.getFirst()));
    List<Row> results =
        NudgeSpark.generate(session, settings(Map.of()), rows.coalesce(1)).collectAsList();
    List<String> errors =
        results.stream().map(row -> String.valueOf((Object) row.getAs("error"))).toList();
    assertThat(errors.get(0)).isEqualTo("null");
    assertThat(errors.get(1)).startsWith("no column 'prompt'");
    assertThat(errors.get(2)).contains("none@there").contains("there is no folder");
    assertThat(errors.get(3)).isEqualTo("null");
    assertThat(errors.get(4)).contains("which leaves none of --max-length");
    assertThat(results.stream().filter(row -> row.getAs("completion") != null)).hasSize(2);
  }

  @Test
  void filesBecomeATableOfTheirLines() throws IOException {
    Path file = file();
    Files.writeString(file, "\n{\"prompt\": 5}\n", StandardOpenOption.APPEND);
    String out = temp.resolve("out").toString();
    Ran ran =
        run(
            "generate",
            "--model",
            MODEL.toString(),
            "--data",
            file.toString(),
            "--max-tokens=6",
            "--format=json",
            "--out",
            out);
    assertThat(ran.err()).isEqualTo("25 rows in " + out + "\n");
    assertThat(ran.code()).isZero();
    List<Row> written = session.read().json(out).collectAsList();
    assertThat(written.stream().map(row -> row.<String>getAs("row")))
        .containsExactlyInAnyOrderElementsOf(
            Files.readAllLines(file).stream().filter(line -> !line.isEmpty()).toList());
    assertThat(run("generate", "--model", MODEL.toString(), "--data", "-", "--out", out).err())
        .isEqualTo("nudge: --out " + out + " exists; give another folder\n");
  }

  @Test
  void aQueryIsScoredIntoATableAsFilesAre() throws IOException {
    Path file = file();
    table().createOrReplaceTempView("rows");
    String out = temp.resolve("scores").toString();
    String query = "SELECT id, prompt, completion FROM rows UNION ALL SELECT 99, 'pump', NULL";
    Ran ran = run("score", "--model", MODEL.toString(), "--query", query, "--out", out, "--json");
    assertThat(ran.err()).isEqualTo("24 rows in " + out + ", and 1 row with an error\n");
    Scoring.Summary all = Scoring.score(ScoreSettings.of(MODEL, file), machine(), _ -> {}, _ -> {});
    Map<String, Object> told = Json.plain(Json.parse(ran.out()));
    assertThat(told)
        .containsEntry("rows", 24)
        .containsEntry("bad_rows", 1)
        .containsEntry("tokens", (int) all.tokens())
        .containsEntry("greedy", (int) all.greedy());
    assertThat((Double) told.get("loss")).isCloseTo(all.loss(), withinPercentage(1e-9));
    Dataset<Row> written = session.read().parquet(out);
    assertThat(
            written.filter("error = 'column \\'completion\\' is null'").count()
                + written.filter("error LIKE 'no column%completion%'").count())
        .isEqualTo(1);
    assertThat(
            run(
                "score",
                "--model",
                MODEL.toString(),
                "--query",
                "SELECT 1 AS a",
                "--out",
                temp.resolve("none").toString()))
        .satisfies(
            none -> {
              assertThat(none.code()).isEqualTo(1);
              assertThat(none.err())
                  .startsWith("nudge: no row of 1 has a result; the first error: ");
            });
  }

  /// A task of questions with two choices.
  private Path questions() throws IOException {
    Files.write(
        temp.resolve("pumps.jsonl"),
        IntStream.range(0, 6)
            .mapToObj(i -> "{\"question\": \"pump %d\", \"label\": %d}".formatted(i, i % 2))
            .toList());
    return Files.writeString(
        temp.resolve("pumps.yaml"),
        """
        task: pumps
        dataset_path: json
        dataset_kwargs:
          data_files: {test: pumps.jsonl}
        test_split: test
        output_type: multiple_choice
        doc_to_text: "{{question}}?"
        doc_to_choice: ["yes", "no"]
        doc_to_target: label
        metric_list: [{metric: acc}]
        """);
  }

  @Test
  void adaptersAreEvaluatedAsNudgeDoes() throws IOException {
    EvaluateSettings settings =
        EvaluateSettings.of(MODEL, List.of("pumps"), temp.resolve("none"))
            .withTasksDir(List.of(questions().getParent()));
    Dataset<Row> adapters =
        session.sql(
            "SELECT * FROM VALUES (1, '%s'), (2, NULL), (3, 'nobody@home'), (4, '%s') AS t(id, adapter)"
                .formatted(ADAPTERS.getFirst(), ADAPTERS.getLast()));
    List<Row> rows = NudgeSpark.evaluate(session, settings, adapters).orderBy("id").collectAsList();
    List<String> told = new ArrayList<>();
    for (String adapter : List.of(ADAPTERS.getFirst(), "", ADAPTERS.getLast())) {
      EvaluateSettings one =
          settings.with("out", temp.resolve("evaluated" + told.size()).toString());
      requireNonNull(
              Evaluation.of(
                      adapter.isEmpty() ? one : one.withAdapter(Path.of(adapter)),
                      machine(),
                      new Evaluation.Watcher() {})
                  .main()
                  .tasks()
                  .get("pumps"))
          .scores()
          .forEach((key, score) -> told.add(key + " " + score.value() + " " + score.stderr()));
    }
    assertThat(
            rows.stream()
                .filter(row -> row.getAs("error") == null)
                .map(
                    row ->
                        row.<String>getAs("metric")
                            + " "
                            + row.<Double>getAs("value")
                            + " "
                            + row.<Double>getAs("stderr")))
        .isEqualTo(told);
    assertThat(rows.stream().filter(row -> row.getAs("error") != null))
        .singleElement()
        .satisfies(
            row -> {
              assertThat(row.<Integer>getAs("id")).isEqualTo(3);
              assertThat(row.<String>getAs("error")).contains("nobody@home");
            });
    assertThatThrownBy(
            () -> NudgeSpark.evaluate(session, settings.withCompare(Path.of("b")), adapters))
        .hasMessage(
            "--compare is given for a table of adapters, whose metrics are columns; leave it out");
    assertThatThrownBy(
            () -> NudgeSpark.evaluate(session, settings.with("tasks", List.of("none")), adapters))
        .isInstanceOf(InputException.class);
  }

  @Test
  @Timeout(1800)
  void aTaskThatIsKilledWithoutAnInterruptWaitsForNoOther() throws Exception {
    EvaluateSettings settings =
        EvaluateSettings.of(MODEL, List.of("pumps"), temp.resolve("none"))
            .withTasksDir(List.of(questions().getParent()));
    Dataset<Row> one = session.sql("SELECT '%s' AS adapter".formatted(ADAPTERS.getFirst()));
    CountDownLatch ended = new CountDownLatch(1);
    SparkListener listener =
        new SparkListener() {
          @Override
          public void onTaskEnd(SparkListenerTaskEnd end) {
            ended.countDown();
          }
        };
    EvalTask.ONE.lock(); // as another task that evaluates
    try {
      session.sparkContext().addSparkListener(listener);
      Thread job =
          Thread.ofPlatform()
              .start(
                  () -> {
                    session.sparkContext().setJobGroup("killed", "", false);
                    assertThatThrownBy(
                            () -> NudgeSpark.evaluate(session, settings, one).collectAsList())
                        .hasMessageContaining("cancelled");
                  });
      while (!EvalTask.ONE.hasQueuedThreads()) {
        Thread.sleep(20);
      }
      session.sparkContext().cancelJobGroup("killed");
      ended.await();
      job.join();
    } finally {
      EvalTask.ONE.unlock();
      session.sparkContext().removeSparkListener(listener);
    }
  }

  @Test
  void aCommandThatIsWrongIsOneLine() {
    String model = MODEL.toString();
    assertThat(run("generate", "--model", model, "--table", "t").err())
        .isEqualTo(
            "nudge: --out and --into are both missing; give a folder or a table for the results\n");
    assertThat(run("generate", "--model", model, "--table", "t", "--table", "u").err())
        .isEqualTo("nudge: --table is given twice\n");
    assertThat(
            run("generate", "--model", model, "--table", "t", "--query", "q", "--out", "o").err())
        .isEqualTo("nudge: --table and --query are both given; give one\n");
    Ran none = run("generate", "--model", model, "--table", "nowhere", "--out", "o");
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err())
        .startsWith("nudge: The table or view `nowhere` cannot be found.")
        .doesNotContain("Exception", "SQLSTATE")
        .hasLineCount(1);
    assertThat(
            run("generate", "--model", model, "--query", "SELEC", "--out", "o", "--partitions=0")
                .err())
        .isEqualTo("nudge: --partitions is 0; it must be at least 1\n");
    assertThat(run("generate", "--model", model, "--query", "SELEC 1", "--out", "o").err())
        .startsWith("nudge: Syntax error at or near 'SELEC'")
        .doesNotContain("SQLSTATE")
        .hasLineCount(1);
    assertThat(run("score", "--model", model, "--out", "o").err())
        .isEqualTo("nudge: --data is missing; it is required\n");
    assertThat(run("score", "--help").out()).startsWith("nudge score: ");
    String regex =
        run(
                "generate",
                "--model",
                model,
                "--query",
                "SELECT 'a' AS prompt",
                "--regex",
                "(",
                "--out",
                temp.resolve("o").toString())
            .err();
    assertThat(regex)
        .isEqualTo(
            "nudge: the pattern '(', at character 1: a group is not closed; write \\( for the"
                + " character\n");
  }

  @Test
  void flagsThatDoNotGoTogetherAreRefused() {
    String model = MODEL.toString();
    assertThat(
            run("generate", "--model", model, "--query", "q", "--into", "t", "--format=csv").err())
        .isEqualTo("nudge: --format is given with --into; it is of --out only, leave it out\n");
    assertThat(run("score", "--model", model, "--table", "t", "--data", "f", "--out", "o").err())
        .isEqualTo("nudge: --data is given with --table; give one\n");
  }

  @Test
  void filesAreReadByTheirEndingOrRefused() throws IOException {
    String model = MODEL.toString();
    Path tabs =
        Files.writeString(temp.resolve("rows.tsv"), "prompt\tcompletion\npump, 1\t valve\n");
    String out = temp.resolve("tabs").toString();
    assertThat(run("score", "--model", model, "--data", tabs.toString(), "--out", out).err())
        .isEqualTo("1 row in " + out + "\n");
    assertThat(session.read().parquet(out).first().<String>getAs("prompt")).isEqualTo("pump, 1");
    String other = temp.resolve("other").toString();
    for (String name : List.of("rows.json", "rows.jsonl.zst", "rows.csv.xz", "rows.zip")) {
      String file = Files.writeString(temp.resolve(name), "?").toString();
      assertThat(run("score", "--model", model, "--data", file, "--out", other).err())
          .isEqualTo(
              "nudge: --data %s: on Spark files are .jsonl, .ndjson, .csv or .tsv (each also .gz or .bz2), or Parquet\n"
                  .formatted(file));
    }
    Path packed = temp.resolve("rows.tsv.bz2");
    BZip2Codec codec = new BZip2Codec();
    codec.setConf(session.sparkContext().hadoopConfiguration());
    try (OutputStream to = codec.createOutputStream(Files.newOutputStream(packed))) {
      Files.copy(tabs, to);
    }
    String unpacked = temp.resolve("unpacked").toString();
    assertThat(run("score", "--model", model, "--data", packed + "", "--out", unpacked).err())
        .isEqualTo("1 row in " + unpacked + "\n");
    assertThat(session.read().parquet(unpacked).collectAsList())
        .isEqualTo(session.read().parquet(out).collectAsList());
    List<String> two = List.of(tabs.toString(), file().toString());
    assertThat(
            run(
                    "score",
                    "--model",
                    model,
                    "--data",
                    two.getFirst(),
                    "--data",
                    two.getLast(),
                    "--out",
                    other)
                .err())
        .isEqualTo(
            "nudge: --data is given files of several kinds (tsv, jsonl); give files of one\n");
    String none = temp.resolve("none.jsonl").toString();
    Ran missing = run("score", "--model", model, "--data", none, "--out", other);
    assertThat(missing).isEqualTo(new Ran(2, "", "nudge: --data " + none + " does not exist\n"));
    Ran globbed = run("generate", "--model", model, "--data", temp + "/no*.csv", "--out", other);
    assertThat(globbed.err()).isEqualTo("nudge: --data " + temp + "/no*.csv does not exist\n");
  }

  @Test
  void executorsOfAHostShareItsMemory() {
    long total = SystemMemory.here().totalBytes();
    assertThat(ExecutorModel.machine(0, 4).memoryBytes()).isLessThanOrEqualTo(total / 4);
    assertThat(Slots.executors().values()).containsExactly(1); // this process, the driver
    List<Integer> seen =
        session
            .range(2)
            .map((MapFunction<Long, Integer>) _ -> Slots.executors().size(), Encoders.INT())
            .collectAsList();
    assertThat(seen).containsExactly(1, 1);
  }

  @Test
  void newlinesInCsvAreReadBackAsTheyWere() {
    String out = temp.resolve("csv").toString();
    Ran ran =
        run(
            "score",
            "--model",
            MODEL.toString(),
            "--query",
            "SELECT 'pump' AS prompt, ' valve' AS completion, 'a\\n\"b\"\\nc' AS note",
            "--format=csv",
            "--out",
            out);
    assertThat(ran.err()).isEqualTo("1 row in " + out + "\n");
  }

  @Test
  void theColumnOfAdaptersIsFoundInAnyCase() {
    assertThat(RowJob.place(List.of("id", "Adapter"))).isEqualTo(1);
    assertThat(RowJob.place(List.of("id"))).isEqualTo(-1);
    assertThatThrownBy(() -> RowJob.place(List.of("adapter", "Adapter")))
        .isInstanceOf(InputException.class)
        .hasMessage("the columns 'adapter' and 'Adapter' both name adapters; leave one out");
    Dataset<Row> row = session.sql("SELECT 'pump' AS prompt, 'none@there' AS Adapter");
    assertThat(NudgeSpark.generate(session, settings(Map.of()), row).first().<String>getAs("error"))
        .contains("none@there");
  }

  @Test
  void aNameMeansOneAdapterInAllOfATask() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("mine"));
    RowAdapters adapters = new RowAdapters(temp.toString(), temp.toString(), null);
    RowAdapters.TaskAdapters found = adapters.found();
    assertThat(found.row(0, "", "mine").adapter()).isEqualTo(folder);
    Files.delete(folder);
    assertThat(found.row(1, "{}", "mine"))
        .isEqualTo(new dev.nudge.generate.TableModel.Row(1, "{}", folder));
    assertThat(adapters.found().row(1, "", "mine").adapter()).isNotEqualTo(folder);
  }

  @Test
  void aFailureOfATaskIsOneLineWithoutItsClass() {
    assertThat(Job.line(new RuntimeException("java.io.IOException: no space left")))
        .isEqualTo("no space left");
    assertThat(
            Job.line(
                new RuntimeException(
                    "Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most"
                        + " recent failure: Lost task 0.3 in stage 1.0 (TID 3) (host executor 1):"
                        + " ExecutorLostFailure (executor 1 exited caused by one of the running"
                        + " tasks) Reason: Command exited with code 137\nDriver stacktrace:")))
        .isEqualTo(
            "an executor was lost, perhaps for want of memory; raise spark.executor.memoryOverhead")
        .doesNotContain("Exception");
    MapFunction<Long, Long> failing =
        _ -> {
          throw new IOException("java.io.IOException: the disk is full");
        };
    assertThatThrownBy(
            () ->
                TableCommand.told(
                    () -> session.range(1).map(failing, Encoders.LONG()).collectAsList()))
        .hasMessage("the disk is full");
    assertThat(Job.line(new IllegalStateException())).isEqualTo("IllegalStateException");
  }

  @Test
  void whatIsWrongWithTheSettingsIsOneLineBeforeAnyTask() {
    assertThatThrownBy(
            () ->
                NudgeSpark.generate(
                    session, settings(Map.of("model", temp.resolve("none"))), table()))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(
            () -> NudgeSpark.generate(session, settings(Map.of("logprobs", true)), table()))
        .isInstanceOf(InputException.class)
        .hasMessage("--logprobs is given for a table, whose results are columns; leave it out");
    assertThatThrownBy(
            () -> NudgeSpark.generate(session, settings(Map.of("adapter", temp)), table()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("adapter_config.json");
  }

  @Test
  void aModelIsSharedByTasksAndGoesForAnother() {
    NudgeSpark.generate(session, settings(Map.of()), table()).count();
    long one = Ledger.bytes();
    Dataset<Row> twice =
        NudgeSpark.score(
            session,
            ScoreSettings.of(MODEL, Path.of("none")),
            NudgeSpark.generate(session, settings(Map.of()), table()));
    assertThat(twice.filter("error IS NULL").count()).isEqualTo(ROWS);
    GenerateSettings shorter = settings(Map.of("max_length", 64));
    assertThat(NudgeSpark.generate(session, shorter, table()).filter("tokens > 0").count())
        .isEqualTo(ROWS);
    assertThat(Ledger.bytes()).isLessThan(2 * one);
  }
}
