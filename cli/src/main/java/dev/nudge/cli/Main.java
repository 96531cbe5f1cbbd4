package dev.nudge.cli;

import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Run the `nudge` command: parse the verb, call it, end with its exit code.
@Command(
    name = "nudge",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description = "Fine-tunes language models with LoRA on the JVM.")
public final class Main implements Runnable {

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets `spec` before `run`
  private Main() {}

  public static void main(String[] args) throws FileNotFoundException {
    redirectErrors();
    System.exit(new CommandLine(new Main()).execute(args));
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no verb given; see nudge --help");
  }

  /// Send standard error where the launcher kept it. The launcher gives the JVM a closed door as
  /// standard error, because the JVM prints a warning about incubator modules there that no flag
  /// silences, and names the real one in `nudge.stderr`.
  private static void redirectErrors() throws FileNotFoundException {
    String path = System.getProperty("nudge.stderr");
    if (path != null) {
      System.setErr(
          new PrintStream(new FileOutputStream(path, true), true, StandardCharsets.UTF_8));
    }
  }

  /// Tell the version of the jar this class was loaded from.
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"nudge " + (version == null ? "(development build)" : version)};
    }
  }
}
