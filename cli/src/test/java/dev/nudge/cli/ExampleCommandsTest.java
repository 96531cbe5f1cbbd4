package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.eval.gate.PolicyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Runs `examples/commands.sh`, from which the commands of the README are cut, in a shell.
///
/// The command is the real one on the classes of this build. Those that read standard input or end
/// by a signal, and what tells of the JVM, run in a process of their own, the others in one that a
/// [CommandServer] is. Two lines are only looked at: `quickstart`, which `QuickstartRunTest` runs,
/// and `mvn verify`, which this is. The server takes a free port, to which `curl` is led (where
/// there is one), and the gate has a policy that a model of random weights passes.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "a POSIX shell script")
class ExampleCommandsTest {
  private static final Path SCRIPT = Path.of("../examples/commands.sh").toAbsolutePath();
  private static final String JAVA =
      Path.of(System.getProperty("java.home"), "bin/java").toString();
  private static final int MOST_MINUTES = 20;

  private static final String NUDGE =
      """
      #!/bin/sh
      [ "$1" = quickstart ] && set -- quickstart --help
      [ "$1" = serve ] && set -- "$@" --port 0 && exec 2> served.txt
      case $1 in
        serve | chat | doctor) exec "$JAVA" dev.nudge.cli.Main "$@" ;;
      esac
      """
          + CommandServer.SCRIPT;

  private static final String MAVEN =
      """
      #!/bin/sh
      [ "$*" = verify ] || { echo "mvn $*: not a way to run the tests" >&2; exit 2; }
      """;

  private static final String CURL =
      """
      #!/bin/sh
      command -p -v curl > listening.txt || exit 0
      for second in $(seq 2000); do
        grep -s '^listening on' served.txt > listening.txt && break
        sleep 0.1
      done
      url=$(sed 's/listening on //' listening.txt)
      for argument; do
        shift
        set -- "$@" "$(printf %s "$argument" | sed "s|http://127.0.0.1:8080|$url|")"
      done
      command -p curl --fail "$@"
      """;

  private static final String PASSES =
      "floor: [{task: tickets, metric: acc, at_least: 0, judged_by: point}]\n";

  @TempDir private Path folder;

  @Test
  void everyCommandOfTheExamplesRuns() throws Exception {
    fill();
    start("mkfifo", "asked", "code").waitFor();
    Process commands = start(JAVA, CommandServer.class.getName());
    Process process = start("sh", "-x", SCRIPT.toString());
    var _ = commands.onExit().thenRun(() -> end(process)); // it would wait at its pipe
    boolean ended = process.waitFor(MOST_MINUTES, TimeUnit.MINUTES);
    end(process);
    end(commands);
    String output = Files.readString(folder.resolve("output.txt"), UTF_8);
    assertThat(ended).as(output).isTrue();
    assertThat(process.exitValue()).as(output).isZero();

    for (String made :
        List.of(
            "adapters/support/adapter_model.safetensors",
            "adapters/intents/adapter_model.safetensors",
            "adapters/chats/chat_template.jinja",
            "adapters/llama3/adapter_model.safetensors",
            "adapters/qwen/adapter_model.safetensors",
            "adapters/tokens/adapter_model.safetensors",
            "adapters/liked/reference.safetensors",
            "adapters/rated/reference.safetensors",
            "adapters/judge/adapter_model.safetensors",
            "adapters/kept/adapter_model.safetensors",
            "MODEL-tokens/model.safetensors",
            "models/mine/model.safetensors",
            "MODEL-support/model.safetensors",
            "gguf/support.gguf",
            "MODEL-nf4/model.safetensors",
            "adapters/tickets/adapter_model.safetensors",
            "reports/tickets/report.html",
            "adapters/teams/adapter_model.safetensors",
            "reports/teams/gate.json",
            "compared.svg",
            "intents.svg",
            "logs/intents",
            "adapters/both/adapter_model.safetensors",
            "support.tar",
            "fresh/tokenizer.json",
            "home/.local/bin/nudge")) {
      assertThat(folder.resolve(made)).exists();
    }
    assertThat(folder.resolve("adapters/pumps")).doesNotExist();
    assertThat(folder.resolve("adapters/from-file")).doesNotExist(); // made and removed
    assertThat(folder.resolve("answers.jsonl")).content().hasLineCount(2);
    assertThat(folder.resolve("served.txt")).content().contains("listening on http://127.0.0.1:");
  }

  /// Starts a program in the folder; what it prints goes to `output.txt`.
  private Process start(String... command) throws IOException {
    ProcessBuilder program = new ProcessBuilder(command);
    program.directory(folder.toFile()).redirectErrorStream(true);
    program.redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("output.txt").toFile()));
    Map<String, String> environment = program.environment();
    environment.put("JAVA", JAVA);
    environment.put(
        "JDK_JAVA_OPTIONS",
        "--add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC"
            + " -Duser.home=%1$s/home -Dnudge.launcher=%1$s/nudge".formatted(folder));
    environment.put("CLASSPATH", System.getProperty("java.class.path"));
    environment.put("HOME", folder.resolve("home").toString());
    environment.keySet().removeIf(name -> name.startsWith("HF_") || name.startsWith("XDG"));
    environment.put("HF_HUB_OFFLINE", "1");
    environment.put("NUDGE_CACHE", Path.of("target/example-cache").toAbsolutePath().toString());
    environment.merge("PATH", folder + "/bin:", (path, bin) -> bin + path);
    return program.start();
  }

  private static void end(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  private void fill() throws IOException {
    Place place = Place.in(folder);
    Files.move(place.path("model"), place.path("MODEL"));
    Files.copy(place.path("MODEL/config.json"), place.path("small.json"));
    cached(place.path("MODEL"));
    String intents =
        """
        {"text": "is my card on its way?", "label": "card_arrival"}
        {"text": "the machine kept it", "label": "card_swallowed"}
        """;
    place.write("messages.jsonl", intents.repeat(8)).write("held-out.jsonl", intents);
    String chat =
        """
        {"messages": [{"role": "user", "content": "the pump?"}, {"role": "assistant", "content": "it leaks"}]}
        """;
    place
        .write("chats.jsonl", chat.repeat(20))
        .write("questions.txt", "the pump?\nand the seal?\n");
    for (String recipe : List.of("llama3.yaml", "qwen.yaml", "tickets.yaml")) {
      place.write(
          "examples/" + recipe, Files.readString(Path.of("../examples").resolve(recipe), UTF_8));
    }
    PolicyFile.read(Path.of("../examples/tickets-policy.yaml"));
    place.write("examples/tickets-policy.yaml", PASSES).write("tickets.jsonl", tickets());
    place.write("texts.jsonl", "{\"text\": \"the pump reads seven bar\"}\n");
    StringBuilder pairs = new StringBuilder();
    StringBuilder labelled = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      pairs.append(
          "{\"prompt\": \"pump %d?\", \"chosen\": \" it leaks\", \"rejected\": \" seal\"}\n"
              .formatted(i));
      labelled.append(
          "{\"prompt\": \"pump %d?\", \"completion\": \" it leaks\", \"label\": %s}\n"
              .formatted(i, i % 2 == 0));
    }
    place.write("pairs.jsonl", pairs.toString()).write("labelled.jsonl", labelled.toString());
    place.write("prompts.jsonl", "{\"prompt\": \"pump 1?\", \"answer\": \"it leaks\"}\n");
    place.write(
        "groups.jsonl",
        "{\"prompt\": \"pump 1?\", \"completions\": [\" it leaks\", \" no\"], \"rewards\": [1, 0]}\n");
    place.write("general.jsonl", "{\"text\": \"water boils at a hundred degrees\"}\n");
    place.write("tokens.txt", "<tool>\nseal-kit\n");
    place.write("run.yaml", "model: MODEL\ndata: [rows.jsonl]\nout: adapters/from-file\n");
    script("nudge", NUDGE);
    script("bin/mvn", MAVEN);
    script("bin/curl", CURL);
  }

  /// Puts a model into the cache of the hub, under the name that the examples have.
  private void cached(Path model) throws IOException {
    Path repository =
        folder.resolve("home/.cache/huggingface/hub/models--HuggingFaceTB--SmolLM2-135M-Instruct");
    String commit = "c".repeat(40);
    Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve(commit));
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.toList()) {
        Files.copy(file, snapshot.resolve(file.getFileName()));
      }
    }
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs/main"), commit);
  }

  private static String tickets() {
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 60; i++) {
      all.append(
          "{\"customer_id\": %d, \"text\": \"parcel %d is late\", \"team\": \"%s\", \"language\": \"en\", \"customer_type\": \"shop\"}\n"
              .formatted(i / 2, i * i, List.of("billing", "delivery", "returns").get(i % 3)));
    }
    return all.toString();
  }

  private void script(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
