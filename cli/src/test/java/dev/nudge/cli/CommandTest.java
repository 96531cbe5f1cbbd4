package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.ask.EchoCompleter;
import dev.nudge.cli.ask.GenerateVerb;
import dev.nudge.cli.console.Results;
import dev.nudge.cli.console.SearchPath;
import dev.nudge.cli.console.Verb;
import dev.nudge.cli.judge.ScoreVerb;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.engine.RowScore;
import dev.nudge.generate.Completion.Stop;
import dev.nudge.generate.Completions;
import dev.nudge.generate.RowAnswers;
import dev.nudge.generate.Scoring;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds what a working command prints, where, and with which exit code.
class CommandTest {
  private static final String[] TRAIN = {"train", "--model", "m", "--data", "d", "--out", "o"};

  private final List<TrainSettings> seen = new ArrayList<>();
  private final List<Verb<?>> verbs =
      List.of(
          new TrainVerb(
              (settings, events, _) -> {
                seen.add(settings);
                events.accept(new TrainEvent.Planned("1 row"));
                events.accept(new TrainEvent.Layout("1 lane"));
                events.accept(new TrainEvent.Warning("look out"));
                boolean dry = settings.output().dryRun();
                return new TrainVerb.Outcome(
                    RunState.FINISHED,
                    Map.of("rows", 3),
                    dry ? List.of("3 rows", "2 steps") : List.of());
              }),
          new GenerateVerb(new EchoCompleter(), EchoCompleter::embed),
          new ScoreVerb(
              (_, rows, notes, _) -> {
                notes.accept("trained: text; unused: id");
                rows.accept(new RowScore(0, 3, -1.5, true));
                return new Scoring.Summary(1, 0, 3, -1.5, 0.5, 1, null, null, null);
              }));

  @TempDir Path folder;

  @Test
  void flagsOverrideTheRunFile() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("run.yaml"),
            """
            model: m
            data: [a.jsonl, b.jsonl]
            out: o
            rank: 8
            learning_rate: 1e-3
            shuffle: false
            memory: 8G
            warmup: 10
            completion: ' {label}'
            """);
    Ran ran = Ran.of(verbs, "train", "--config", file.toString(), "--rank=4", "--shuffle");
    assertThat(ran.code()).as(ran.err()).isZero();
    TrainSettings s = seen.getLast();
    assertThat(s.lora().rank()).isEqualTo(4);
    assertThat(s.optimizer().learningRate().value()).isEqualTo(1e-3);
    assertThat(s.optimizer().warmup().steps(100)).isEqualTo(10);
    assertThat(s.loop().shuffle()).isTrue();
    assertThat(s.data().data()).containsExactly("a.jsonl", "b.jsonl");
    assertThat(s.data().completion()).isEqualTo(" {label}");
  }

  @Test
  void switchesAndRepeatedFlagsAreRead() {
    Ran ran = Ran.of(verbs, with("--no-shuffle", "--rs-lora", "--data=-e.jsonl", "--data", "f"));
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(seen.getLast().loop().shuffle()).isFalse();
    assertThat(seen.getLast().lora().rsLora()).isTrue();
    assertThat(seen.getLast().data().data()).containsExactly("d", "-e.jsonl", "f");
    Ran.of(verbs, with("--shuffle"));
    assertThat(seen.getLast().loop().shuffle()).isTrue();
  }

  @Test
  void valuesMayLookLikeAnything() {
    for (String text :
        List.of(
            "-x", "-vx", "--", "=a", "--x", "-5", "@file", "${sys:user.name}", "'q'", " a\\n ")) {
      Ran ran = Ran.of(verbs, "generate", "--model", "m", "--prompt", text);
      assertThat(ran.out()).isEqualTo(text + "\n");
    }
    assertThat(Ran.of(verbs, "generate", "--model", "m", "--prompt=--json").out())
        .isEqualTo("--json\n");
  }

  @Test
  void generateStreamsTextOrPrintsRows() {
    Ran text = Ran.of(verbs, "generate", "--model", "m", "--prompt", "héllo");
    assertThat(text.out()).isEqualTo("héllo\n");
    assertThat(text.err())
        .isEqualTo("nudge: warning: only an echo\n2 tokens in 0.50 s, 4.0 tok/s\n");
    assertThat(Ran.of(verbs, "generate", "--model", "m", "--prompt", "ab", "--json").out())
        .isEqualTo("{\"index\":0,\"completion\":\"ab\",\"tokens\":2,\"stop\":\"eos\"}\n");
    String first = "{\"index\":0,\"completion\":\"a\",\"tokens\":1,\"stop\":\"length\"}";
    String second = "{\"index\":2,\"completion\":\"é\\n\",\"tokens\":3,\"stop\":\"string\"}";
    assertThat(Ran.of(verbs, "generate", "--model", "m", "--data", "d").out())
        .isEqualTo(first + "\n" + second + "\n");
    assertThat(Ran.of(verbs, "generate", "--model", "m", "--data", "d").err())
        .isEqualTo("2 answers, 4 tokens in 0.25 s, 16.0 tok/s\n");
    assertThat(Ran.of(verbs, "generate", "--model", "m", "--data", "d", "-q").err()).isEmpty();
    assertThat(Ran.of(verbs, "generate", "--model", "m", "--data", "d", "--json").out())
        .isEqualTo("{\"completions\":[" + first + "," + second + "]}\n");
  }

  @Test
  void whatIsMoreThanATextIsALineOfJson() {
    String row = "{\"index\":0,\"completion\":\"ab\",\"tokens\":2,\"stop\":\"eos\"}";
    String[] logprobs = {"generate", "--model", "m", "--prompt", "ab", "--logprobs"};
    assertThat(Ran.of(verbs, logprobs).out()).isEqualTo(row + "\n");
    assertThat(Ran.of(verbs, plus(logprobs, "--json")).out()).isEqualTo(row + "\n");
    String[] two = {"generate", "--model", "m", "--prompt", "ab", "--n", "2", "--temperature", "1"};
    assertThat(Ran.of(verbs, two).out()).isEqualTo(row + "\n" + row + "\n");
    assertThat(Ran.of(verbs, plus(two, "--json")).out())
        .isEqualTo("{\"completions\":[" + row + "," + row + "]}\n");
  }

  private static String[] plus(String[] args, String more) {
    return Stream.concat(Stream.of(args), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void scorePrintsRowsAndASummary() {
    Ran rows = Ran.of(verbs, "score", "--model", "m", "--data", "d");
    assertThat(rows.out())
        .isEqualTo("{\"index\":0,\"tokens\":3,\"logprob\":-1.5,\"greedy\":true}\n");
    assertThat(rows.err())
        .isEqualTo(
            "trained: text; unused: id\n"
                + "1 of 1 answer exact (100.0 %), 3 tokens, loss 0.5000 a token\n");
    assertThat(Ran.of(verbs, "score", "--model", "m", "--data", "d", "-q").err())
        .isEqualTo("1 of 1 answer exact (100.0 %), 3 tokens, loss 0.5000 a token\n");
    assertThat(Ran.of(verbs, "score", "--model", "m", "--data", "d", "--json", "-q"))
        .isEqualTo(
            new Ran(
                0,
                "{\"rows\":1,\"bad_rows\":0,\"tokens\":3,\"logprob\":-1.5,\"loss\":0.5,\"greedy\":1}\n",
                ""));
  }

  @Test
  void scoreSaysWhatShareOfTheAnswersIsExact() {
    ScoreVerb verb =
        new ScoreVerb(
            (_, _, _, _) -> new Scoring.Summary(64, 2, 1_300, -2, 0.25, 23, null, null, null));
    assertThat(Ran.of(List.of(verb), "score", "--model", "m", "--data", "d").err())
        .isEqualTo(
            "23 of 64 answers exact (35.9 %), 1,300 tokens, loss 0.2500 a token, 2 bad rows set"
                + " aside\n");
  }

  @Test
  void aRewardModelGivesRewards() {
    ScoreVerb verb =
        new ScoreVerb(
            (_, rows, _, _) -> {
              rows.accept(new RowScore(0, 7, -1.25, false, true));
              return new Scoring.Summary(1, 0, 7, -1.25, 0, 0, null, null, -1.25);
            });
    assertThat(Ran.of(List.of(verb), "score", "--model", "m", "--data", "d"))
        .isEqualTo(
            new Ran(
                0,
                "{\"index\":0,\"tokens\":7,\"reward\":-1.25}\n",
                "1 row, mean reward -1.2500\n"));
    assertThat(Ran.of(List.of(verb), "score", "--model", "m", "--data", "d", "--json", "-q").out())
        .isEqualTo("{\"rows\":1,\"bad_rows\":0,\"tokens\":7,\"reward\":-1.25}\n");
  }

  @Test
  void theAnswersThatShowAsksForAreToldWithQToo() {
    List<RowAnswers.Row> shown =
        List.of(new RowAnswers.Row(1, "rows.jsonl", 2, "pump:", " oil", " gas"));
    ScoreVerb verb =
        new ScoreVerb((_, _, _, _) -> new Scoring.Summary(2, 0, 4, -2, 0.5, 1, shown, null, null));
    String[] quiet = {"score", "--model", "m", "--data", "d", "--show", "wrong", "-q"};
    assertThat(Ran.of(List.of(verb), quiet).err())
        .isEqualTo(
            "rows.jsonl line 2  \"pump:\"\n  expected  \" oil\"\n  answered  \" gas\"\n"
                + "1 of 2 answers exact (50.0 %), 4 tokens, loss 0.5000 a token\n");
    assertThat(Ran.of(List.of(verb), plus(quiet, "--json")).err()).isEmpty();
  }

  @Test
  void anAnswerThatEndedAtOnceIsTold() {
    String advice = "; does the prompt end as the trained ones do, blanks included?\n";
    assertThat(ended("--prompt", "a", "-q"))
        .isEqualTo(
            new Ran(
                0,
                "\n",
                "nudge: warning: the answer ended at once: its first token was an end token"
                    + advice));
    assertThat(ended("--data", "d", "-q").err())
        .isEqualTo(
            "nudge: warning: 2 of 3 answers ended at once: the first token was an end token"
                + advice);
  }

  /// Two answers of three, and the only one, are an end token and nothing else.
  private static Ran ended(String... flags) {
    Completions.Row row = EchoCompleter.row(0, "", 1, Stop.EOS);
    Completions.Row blank = EchoCompleter.row(1, "", 1, Stop.LENGTH); // a token without text
    GenerateVerb verb =
        new GenerateVerb(
            (settings, _) ->
                new Completions.Done(
                    settings.rows() == null ? List.of(row) : List.of(row, blank, row), 1),
            EchoCompleter::embed);
    List<String> line = new ArrayList<>(List.of("generate", "--model", "m"));
    line.addAll(List.of(flags));
    return Ran.of(List.of(verb), line.toArray(String[]::new));
  }

  @Test
  void trainPrintsResultsOnlyOnStandardOutput() {
    assertThat(Ran.of(verbs, TRAIN)).isEqualTo(new Ran(0, "", "1 row\nnudge: warning: look out\n"));
    assertThat(Ran.of(verbs, with("-v")).err())
        .isEqualTo("1 row\n1 lane\nnudge: warning: look out\n");
    assertThat(Ran.of(verbs, with("-q", "--json")))
        .isEqualTo(new Ran(0, "{\"rows\":3}\n", "nudge: warning: look out\n"));
    assertThat(Ran.of(verbs, with("-q", "--dry-run")).out()).isEqualTo("3 rows\n2 steps\n");
    assertThat(Ran.of(verbs, with("-q", "--dry-run", "--json")).out()).isEqualTo("{\"rows\":3}\n");
  }

  @Test
  void aStoppedRunEndsWithTheCommandThatGoesOn() {
    Map<String, Object> run = new HashMap<>();
    List<Verb<?>> stopped =
        List.of(
            new TrainVerb((_, _, _) -> new TrainVerb.Outcome(RunState.STOPPED, run, List.of())));
    run.put("saved_step", null); // before an update
    assertThat(Ran.of(stopped, TRAIN).err()).isEmpty();
    run.put("saved_step", 7);
    assertThat(Ran.of(stopped, TRAIN).err()).isEqualTo("to go on: nudge train --resume --out o\n");
    assertThat(Ran.of(stopped, with("--keep", "0")).err()).isEmpty();
    assertThat(Ran.of(stopped, with("-q")).err()).isEmpty();
    assertThat(Ran.of(stopped, "train", "--model", "m", "--data", "d", "--out", "it's here").err())
        .isEqualTo("to go on: nudge train --resume --out 'it'\\''s here'\n");
    String launcher = new SearchPath(List.of()).nudge("/my code/nudge");
    List<Verb<?>> elsewhere =
        List.of(
            new TrainVerb(
                (_, _, _) -> new TrainVerb.Outcome(RunState.STOPPED, run, List.of()), launcher));
    assertThat(Ran.of(elsewhere, TRAIN).err())
        .isEqualTo("to go on: '/my code/nudge' train --resume --out o\n");
  }

  @Test
  void errorsHaveTheirExitCodesAndATraceOnRequest() {
    InputException bad =
        new InputException("2 bad rows", List.of("d.jsonl:1: no column", "d.jsonl:7"));
    assertThat(failing(bad))
        .isEqualTo(new Ran(2, "", "nudge: 2 bad rows\nd.jsonl:1: no column\nd.jsonl:7\n"));
    assertThat(failing(new RunException("disk full")))
        .isEqualTo(new Ran(1, "", "nudge: disk full\n"));
    assertThat(failing(new OutOfMemoryError("Java heap space")).code()).isEqualTo(1);
    assertThat(failing(new IllegalStateException("a\nb")))
        .isEqualTo(
            new Ran(
                1,
                "",
                "nudge: internal error: IllegalStateException: a b (--stack-trace shows where)\n"));
    assertThat(failing(new RunException("disk full"), "--stack-trace").err())
        .startsWith("dev.nudge.settings.RunException: disk full")
        .contains("\tat ")
        .endsWith("\nnudge: disk full\n");
    assertThat(failing(new RunException("disk full"), "-v"))
        .isEqualTo(new Ran(1, "", "nudge: disk full\n"));
  }

  @Test
  void aReaderThatGoesAwayEndsTheCommandQuietly() {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream messages = new PrintStream(err, true, StandardCharsets.UTF_8);
    List<String> args = List.of("generate", "--model", "m", "--data", "d");
    assertThat(Main.run(verbs, args, new Results(broken("Broken pipe")), messages)).isZero();
    assertThat(err.size()).isZero();
    assertThat(Main.run(verbs, args, new Results(broken("No space left on device")), messages))
        .isEqualTo(1);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .isEqualTo("nudge: cannot write standard output: No space left on device\n");
  }

  @Test
  void helpShowsEveryFlagWithItsDefault() {
    Ran ran = Ran.of(verbs, "train", "--help");
    assertThat(ran.code()).isZero();
    assertThat(ran.err()).isEmpty();
    assertThat(ran.out())
        .contains("--rank N                    rank of the adapter (default: 16)")
        .contains(
            "--learning-rate X|auto      highest learning rate; auto fits the method and the"
                + " model's width")
        .contains("--shuffle, --no-shuffle")
        .contains("--model FOLDER|NAME         ")
        .contains("--config FILE")
        .contains("--json");
    assertThat(ran.out().lines()).allSatisfy(line -> assertThat(line).hasSizeLessThan(101));
    assertThat(Ran.of(verbs, "--help").out()).contains("  train  ").contains("  generate  ");
    assertThat(Ran.of("--version").out()).startsWith("nudge ").hasLineCount(1);
  }

  @Test
  void helpIsAlsoAVerbAndWhatIsShownWithoutOne() {
    Ran help = Ran.of(verbs, "--help");
    assertThat(help.code()).isZero();
    assertThat(help.out()).contains("nudge help VERB says what a verb takes");
    for (String line : List.of("", "help", "-h", "help help")) {
      String[] args = line.isEmpty() ? new String[0] : line.split(" ");
      assertThat(Ran.of(verbs, args)).as(line).isEqualTo(help);
    }
    for (Verb<?> verb : Library.verbs()) {
      Ran ofVerb = Ran.of(("help " + verb.name()).split(" "));
      assertThat(ofVerb).isEqualTo(Ran.of((verb.name() + " --help").split(" ")));
      assertThat(ofVerb.out()).startsWith("nudge " + verb.name() + ": ");
    }
  }

  private static Ran failing(Throwable failure, String... more) {
    TrainVerb verb =
        new TrainVerb(
            (_, _, _) -> {
              throw CommandTest.<RuntimeException>sneaky(failure);
            });
    return Ran.of(List.of(verb), with(more));
  }

  @SuppressWarnings("unchecked")
  private static <E extends Throwable> E sneaky(Throwable failure) throws E {
    throw (E) failure;
  }

  private static OutputStream broken(String reason) {
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        throw new IOException(reason);
      }
    };
  }

  private static String[] with(String... more) {
    return java.util.stream.Stream.concat(
            java.util.Arrays.stream(TRAIN), java.util.Arrays.stream(more))
        .toArray(String[]::new);
  }
}
