package dev.nudge.cli.machine;

import dev.nudge.cli.console.CacheFolder;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.SearchPath;
import dev.nudge.cli.console.Verb;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// `nudge doctor`: checks hardware, JVM and native libraries, and reports the cost of missing ones.
public record DoctorVerb() implements Verb<DoctorVerb.NoSettings> {

  /// The settings of `nudge doctor`, which takes no flags of its own.
  record NoSettings() {}

  /// The object that `nudge doctor --json` prints.
  record Report(boolean usable, String compute, List<Finding> checks) {}

  @Override
  public About<NoSettings> about() {
    return new About<>(
        "doctor",
        "says what this machine has for training, what is missing and what it costs",
        NoSettings.class);
  }

  @Override
  public int run(NoSettings settings, Console console) {
    Finding flags = Software.flags(); // before the first native call
    Path cache = CacheFolder.of(System.getenv());
    Hardware hardware = new Hardware(Path.of("/"));
    Software software = new Software(cache);
    Finding products = software.products();
    Finding compute = software.compute(products);
    List<Finding> findings =
        List.of(
            Software.java(),
            flags,
            Software.build(
                SearchPath.of(System.getenv()),
                Path.of(System.getProperty("java.home", "")),
                System.getProperty("nudge.launcher")),
            hardware.processor(),
            hardware.memory(),
            Hardware.disk(Path.of("").toAbsolutePath()),
            Hardware.cache(cache),
            products,
            compute,
            Software.vectors(),
            software.tokenizers());
    return report(findings, compute, console);
  }

  static int report(List<Finding> findings, Finding compute, Console console) {
    boolean usable = findings.stream().noneMatch(f -> f.state() == Finding.State.MISSING);
    for (Finding finding : findings) {
      console.result(
          String.format(
              Locale.ROOT,
              "%-8s%-16s%s",
              finding.state().name().toLowerCase(Locale.ROOT),
              finding.name(),
              finding.found()));
      if (!finding.cost().isEmpty()) {
        console.result(" ".repeat(24) + finding.cost());
      }
    }
    console.result(usable ? "nudge can train here" : "nudge cannot train here");
    console.object(new Report(usable, compute.found().split(" ", 2)[0], findings));
    return usable ? ExitCode.DONE : ExitCode.FAILED;
  }
}
