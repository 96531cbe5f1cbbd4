package dev.nudge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.settings.train.TrainSettings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Compiles and runs every file of `examples/`: one in a JVM of its own, as their first lines say,
/// and one in a shell; the others here, which takes a fraction of the time.
class ExamplesTest {
  private static final Path EXAMPLES = Path.of("../examples");
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  /// Enough for the tiny model to learn its one answer in three epochs.
  private static final int ROWS = 1024;

  @TempDir private Path temp;

  private Path rows(String name, String completion) throws IOException {
    return rows(name, completion, 64);
  }

  private Path rows(String name, String completion, int count) throws IOException {
    String row = "{\"prompt\": \"pump:\", \"completion\": \" " + completion + "\"}\n";
    return Files.writeString(temp.resolve(name), row.repeat(count));
  }

  private static ChildJvm run(String example, Object... arguments) throws IOException {
    ChildJvm child = ended(example, arguments);
    assertThat(child.exitCode()).as(child.text()).isZero();
    return child;
  }

  private static ChildJvm ended(String example, Object... arguments) throws IOException {
    List<String> flags = new ArrayList<>(ChildJvm.FLAGS);
    flags.addAll(List.of("-XX:+UseSerialGC", "-Duser.home=" + home()));
    return ChildJvm.run(flags, EXAMPLES.resolve(example).toString(), arguments);
  }

  /// Compiles an example and runs it in this process, with nothing to read.
  ///
  /// @return its output, on both streams
  private List<String> here(String example, Object... arguments)
      throws IOException, ReflectiveOperationException {
    Path classes = temp.resolve("classes");
    String[] flags = {
      "-d", classes.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none"
    };
    String[] command = Arrays.copyOf(flags, flags.length + 1);
    command[flags.length] = EXAMPLES.resolve(example).toString();
    assertThat(ToolProvider.getSystemJavaCompiler().run(null, null, null, command)).isZero();
    String[] strings = Stream.of(arguments).map(Object::toString).toArray(String[]::new);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream both = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    PrintStream out = System.out;
    PrintStream err = System.err;
    InputStream in = System.in;
    String home = System.getProperty("user.home");
    System.setOut(both);
    System.setErr(both);
    System.setIn(InputStream.nullInputStream());
    System.setProperty("user.home", home().toString());
    try (URLClassLoader loader = new URLClassLoader(new URL[] {classes.toUri().toURL()})) {
      Method main =
          loader.loadClass(example.replace(".java", "")).getDeclaredMethod("main", String[].class);
      main.setAccessible(true);
      main.invoke(null, (Object) strings);
    } finally {
      System.setOut(out);
      System.setErr(err);
      System.setIn(in);
      System.setProperty("user.home", home);
    }
    return bytes.toString(StandardCharsets.UTF_8).lines().toList();
  }

  /// `Frameworks.java` needs LangChain4j, and is run by `ExampleTest` of that module.
  @Test
  void everyExampleIsRunHereOrByItsModule() throws IOException {
    try (Stream<Path> files = Files.list(EXAMPLES)) {
      assertThat(files.map(f -> f.getFileName().toString()).filter(f -> f.endsWith(".java")))
          .containsExactlyInAnyOrder(
              "FineTune.java", "Adapters.java", "Cancel.java", "Frameworks.java");
    }
  }

  @Test
  void fineTune() throws IOException, ReflectiveOperationException {
    Path out = temp.resolve("out");
    Object[] arguments = {MODEL, rows("rows.jsonl", "seal", ROWS), rows("held.jsonl", "seal"), out};
    ChildJvm child = run("FineTune.java", arguments);
    List<String> losses = child.output().stream().filter(l -> l.contains("  loss ")).toList();
    assertThat(losses).hasSize(3 * ROWS / 16);
    assertThat(loss(losses.getLast())).isLessThan(loss(losses.getFirst()));
    assertThat(child.output().get(losses.size())).isEqualTo("64 of 64 answers are exact");
    assertThat(child.output().get(losses.size() + 1)).as(child.text()).isEqualTo(" seal");
    assertThat(out.resolve("adapter/adapter_model.safetensors")).exists();
    assertThat(out.resolve("merged/model.safetensors")).exists();
    assertThat(here("FineTune.java", arguments)) // the run is finished and merged anew
        .containsSubsequence("64 of 64 answers are exact", " seal");
  }

  @Test
  void fineTuneWithoutArgumentsSaysHowItIsCalled() throws IOException {
    ChildJvm child = ChildJvm.run(ChildJvm.FLAGS, EXAMPLES.resolve("FineTune.java").toString());
    assertThat(child.output())
        .containsExactly("usage: FineTune MODEL rows.jsonl held-out.jsonl OUT");
    assertThat(child.exitCode()).isEqualTo(2);
  }

  @Test
  void fineTuneOnAModelThatIsNotThereSaysSoInOneLine() throws IOException {
    ChildJvm child = ended("FineTune.java", temp.resolve("none"), "rows", "held", temp);
    assertThat(child.output()).containsExactly(temp.resolve("none") + ": no such model folder");
    assertThat(child.exitCode()).isEqualTo(1);
  }

  private static double loss(String line) {
    return Double.parseDouble(line.substring(line.lastIndexOf(' ')));
  }

  @Test
  void adapters() throws IOException, ReflectiveOperationException {
    Nudge nudge = Nudge.on(new Machine(2, 4L << 30, Backends.cache(), "test"), line -> {});
    for (String name : List.of("seal", "valve")) {
      nudge.train(
          TrainSettings.of(MODEL, rows(name + ".jsonl", name), temp.resolve(name))
              .withLearningRate(0.02)
              .withSteps(30),
          event -> {});
    }
    List<String> output =
        here("Adapters.java", MODEL, temp.resolve("seal"), temp.resolve("valve"), "pump:");
    assertThat(output).startsWith("support   valve", "billing   seal");
    try (Session base = nudge.open(MODEL)) { // random weights: any words may be in its answer
      String answer = "base     " + base.complete("pump:").text();
      assertThat(String.join("\n", output.subList(2, output.size())))
          .isEqualTo(answer.stripTrailing());
    }
  }

  @Test
  void cancel() throws IOException, ReflectiveOperationException {
    Path out = temp.resolve("out");
    assertThat(here("Cancel.java", MODEL, rows("rows.jsonl", "seal"), out)) // its input ends
        .containsExactly("the run is STOPPED");
    assertThat(Files.readString(out.resolve("run.json"))).contains("\"stopped\"");
  }

  @Test
  void jshell() throws IOException {
    Path out = temp.resolve("out");
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "jshell").toString(),
            "--class-path",
            System.getProperty("java.class.path"),
            "-R--add-modules=jdk.incubator.vector",
            "-R--enable-native-access=ALL-UNNAMED",
            "-R-Dmodel=" + MODEL,
            "-R-Drows=" + rows("rows.jsonl", "seal"),
            "-R-Dout=" + out,
            "-R-Duser.home=" + home(),
            EXAMPLES.resolve("nudge.jsh").toString());
    ChildJvm child = ChildJvm.run(command);
    assertThat(child.exitCode()).as(child.text()).isZero();
    assertThat(child.output()).as(child.text()).filteredOn(l -> l.contains("  loss ")).hasSize(10);
    assertThat(child.text()).contains("answer ");
    assertThat(out.resolve("adapter_model.safetensors")).exists();
  }

  private static Path home() throws IOException {
    return Files.createDirectories(Path.of("target/home")).toAbsolutePath();
  }
}
