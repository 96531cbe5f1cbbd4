package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.cli.console.SearchPath;
import dev.nudge.cli.console.Verb;
import dev.nudge.cli.machine.CompletedFlag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Press tab in a real bash, and in a zsh where there is one.
class CompletionTest {
  @TempDir Path folder;

  @BeforeEach
  void files() throws IOException {
    Files.writeString(folder.resolve("completion.bash"), script("bash"));
    Files.writeString(folder.resolve("_nudge"), script("zsh"));
    Files.createDirectories(folder.resolve("models/my model"));
    Files.writeString(folder.resolve("models/rows one.jsonl"), "");
  }

  @Test
  void bashOffersVerbsFlagsAndChoices() throws Exception {
    assumeTrue(has("bash"), "there is no bash");
    List<String> verbs =
        new ArrayList<>(Library.verbs().stream().map(Verb::group).distinct().toList());
    assertThat(words("nudge", "help", "")).isEqualTo(verbs);
    assertThat(words("nudge", "help", "train", "")).isEmpty();
    verbs.addAll(List.of("help", "--help", "--version"));
    assertThat(words("nudge", "")).isEqualTo(verbs);
    assertThat(words("nudge", "tr")).containsExactly("train");
    for (Verb<?> verb : Library.verbs()) {
      List<String> flags = CompletedFlag.of(verb).stream().map(CompletedFlag::name).toList();
      assertThat(words(("nudge " + verb.name() + " ").split(" ", -1))).isEqualTo(flags);
      assertThat(Ran.of((verb.name() + " --help").split(" ")).out()).contains(flags);
    }
    List<String> ofRuns = List.of("list", "show", "compare", "plot", "export", "rm", "queue");
    assertThat(words("nudge", "runs", "")).isEqualTo(ofRuns);
    assertThat(words("nudge", "help", "runs", "")).isEqualTo(ofRuns);
    assertThat(words("nudge", "runs", "list", "--sort", "st"))
        .containsExactly("state", "steps", "started");
    assertThat(words("nudge", "train", "--model", "m", "--no-s")).containsExactly("--no-shuffle");
    assertThat(words("nudge", "train", "--compute", "")).containsExactly("auto", "bf16", "fp32");
    assertThat(words("nudge", "train", "--compute", "=")).containsExactly("auto", "bf16", "fp32");
    assertThat(words("nudge", "train", "--compute", "=", "b")).containsExactly("bf16");
    assertThat(words("nudge", "train", "--rank", "")).isEmpty();
    assertThat(words("nudge", "frobnicate", "")).isEmpty();
  }

  /// With no words of its own bash shows files; `compopt` says which.
  @Test
  void bashOffersFilesOnlyWhereTheyFit() throws Exception {
    assumeTrue(has("bash"), "there is no bash");
    assertThat(asked("nudge", "train", "--data", "")).isEmpty();
    assertThat(asked("nudge", "train", "--config", "=")).isEmpty();
    assertThat(asked("nudge", "train", "--model", "")).isEqualTo("-o dirnames +o default");
    assertThat(asked("nudge", "train", "--rank", "")).isEqualTo("+o default");
    assertThat(asked("nudge", "train", "")).isEqualTo("+o default");
  }

  @Test
  void aTabInAnInteractiveBashCompletesTheLine() throws Exception {
    assumeTrue(has("bash"), "there is no bash");
    // Without a terminal an interactive bash still edits its line; `nudge` prints what arrives.
    String typed =
        """
        source ./completion.bash
        nudge() { printf '[%s]' "$@" >>typed; echo >>typed; }
        nudge tra\t--mode\tmodels/\t --compu\tb\t
        nudge score --data models/ro\t--adapter=mod\t
        """;
    run(typed, "bash", "--norc", "--noprofile", "-i");
    assertThat(Files.readAllLines(folder.resolve("typed")))
        .containsExactly(
            "[train][--model][models/my model/][--compute][bf16]",
            "[score][--data][models/rows one.jsonl][--adapter=models/]");
  }

  @Test
  void zshOffersVerbsFlagsChoicesAndFiles() throws Exception {
    assumeTrue(has("zsh"), "there is no zsh");
    // A zsh in a pseudo terminal that another zsh makes and types into.
    String typed =
        """
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell 'PS1=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D'
        zpty -w shell 'nudge() { print -r -- "${(j:|:)@}" >>typed }'
        for line in $'nudge tra\\t--mode\\tmodels/m\\t --compu\\tb\\t' $'nudge score --data models/r\\t' \\
          $'nudge install --dir=mod\\t' $'nudge help tra\\t'; do
          zpty -w shell "$line"
        done
        zpty -w shell exit
        zpty -r shell output '*no such pattern*'
        """;
    run(typed, "zsh", "-f");
    assertThat(Files.readAllLines(folder.resolve("typed")))
        .containsExactly(
            "train|--model=models/my model|--compute=bf16",
            "score|--data|models/rows one.jsonl",
            "install|--dir=models",
            "help|train");
  }

  @Test
  void jsonHoldsTheSameScript() {
    Ran ran = Ran.of("completion", "--shell", "zsh", "--json");
    assertThat(ran.out()).startsWith("{\"shell\":\"zsh\",\"script\":\"#compdef nudge\\n");
    assertThat(Ran.of("completion", "--shell", "fish").err())
        .isEqualTo("nudge: --shell is 'fish'; supported: bash, zsh\n");
    assertThat(Ran.of("completion").err()).isEqualTo("nudge: --shell is missing; it is required\n");
    assertThat(Ran.of("completion", "bash").err())
        .isEqualTo(
            "nudge: unexpected argument 'bash'; completion takes flags only: --shell bash, see"
                + " nudge completion --help\n");
  }

  private static String script(String shell) {
    return Ran.of("completion", "--shell", shell).out();
  }

  /// The words that bash would offer at the last one.
  private List<String> words(String... line) throws Exception {
    return complete("printf '%s\\n' \"${COMPREPLY[@]}\"", line)
        .lines()
        .filter(w -> !w.isEmpty())
        .toList();
  }

  /// What the script asks of `compopt` before it offers its words.
  private String asked(String... line) throws Exception {
    return complete("printf '%s' \"$asked\"", line);
  }

  private String complete(String print, String... line) throws Exception {
    StringBuilder words = new StringBuilder();
    for (String word : line) {
      words.append(" '").append(word).append('\'');
    }
    return run(
        """
        compopt() { asked=$*; }
        source ./completion.bash
        COMP_WORDS=(%s) COMP_CWORD=%d
        _nudge
        %s
        """
            .formatted(words, line.length - 1, print),
        "bash");
  }

  private String run(String input, String... command) throws Exception {
    Path typed = Files.writeString(folder.resolve("input"), input);
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectInput(typed.toFile())
            .redirectError(folder.resolve("err").toFile())
            .start();
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    process.waitFor();
    return out;
  }

  private static boolean has(String shell) {
    return SearchPath.of(System.getenv()).find(shell).isPresent();
  }
}
