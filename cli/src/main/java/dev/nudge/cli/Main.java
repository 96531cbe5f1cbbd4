package dev.nudge.cli;

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

  public static void main(String[] args) {
    StandardError.restore();
    System.exit(new CommandLine(new Main()).execute(args));
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no verb given; see nudge --help");
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
