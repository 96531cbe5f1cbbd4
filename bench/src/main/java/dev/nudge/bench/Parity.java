package dev.nudge.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;

/// Compares LoRA, QLoRA and full fine-tuning on a task of each domain: the parity study.
///
///     bench/parity --minutes 60
///
/// Does the parts ([ParityPart#all()]) that have no file in `--results` yet, or one of other
/// settings than are chosen now, in their order, and stops before one that would not end within
/// `--minutes`, or would take the second round beyond [ParityBudget#EIGHT_HOURS]. After each part,
/// and with `--report only`, the page beside `--results` is written anew from the files alone.
/// `--only` takes domains, methods, kinds and names of parts.
final class Parity {
  private final ParityResults results;
  private final BiFunction<ParityPart, ParityResults.Choice, Map<String, Object>> run;
  private final Path page;

  /// @param run does a part and returns what its file holds
  Parity(
      ParityResults results,
      BiFunction<ParityPart, ParityResults.Choice, Map<String, Object>> run,
      Path page) {
    this.results = results;
    this.run = run;
    this.page = page;
  }

  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/parity",
            args,
            "--only … --minutes 600 --model … --data … --work … --results …" + " --report no|only");
    Path shared = PeerEnvironment.beside(Machines.home()).toAbsolutePath().normalize();
    Path folder = flags.path("results", Machines.home().resolve("docs/log/parity"));
    Path work = flags.path("work", Machines.cache().resolve("parity"));
    Path data = flags.path("data", shared.resolveSibling("data"));
    Path model = flags.path("model", PeerEnvironment.model(shared));
    ParityResults results = ParityResults.read(folder);
    Parity parity =
        new Parity(
            results,
            new ParityRun(model, data, work)::run,
            folder.toAbsolutePath().normalize().resolveSibling("parity.md"));
    if (flags.text("report").equals("only")) {
      parity.report();
      return;
    }
    List<String> only = flags.list("only");
    for (String word : only) {
      flags.check(
          ParityPart.all().stream().anyMatch(p -> p.is(word)),
          "--only " + word + ": no domain, method, kind or part has this name");
    }
    folder(flags, "work", work);
    folder(flags, "results", folder);
    Memory.say("%s", Machines.line());
    parity.parts(only, 60.0 * flags.whole("minutes"));
  }

  /// Makes a folder before hours go into what is to be written there.
  private static void folder(BenchFlags flags, String flag, Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      flags.check(false, "--" + flag + " " + folder + ": no folder can be made there");
    }
    flags.check(Files.isWritable(folder), "--" + flag + " " + folder + ": it cannot be written");
  }

  /// Does what is missing, in the order of the parts. Each is asked about at its turn: a pilot or a
  /// loop before it may have chosen other settings for it.
  void parts(List<String> only, double seconds) throws IOException {
    ParityBudget budget = new ParityBudget(results, seconds, ParityBudget.EIGHT_HOURS);
    long start = System.nanoTime();
    for (ParityPart part : ParityPart.all()) {
      boolean meant = only.isEmpty() || only.stream().anyMatch(part::is);
      if (!meant || !results.isMissing(part)) {
        continue;
      }
      if (!budget.allows(part, since(start))) {
        Memory.say(
            "stopped before %s, which takes some %.0f s: %s",
            part.name(),
            budget.expected(part),
            budget.exceeds(part)
                ? "the second round would take more than eight hours"
                : "--minutes would be exceeded; the same command goes on");
        break;
      }
      part(part);
    }
    report();
  }

  private void part(ParityPart part) throws IOException {
    Optional<ParityResults.Choice> choice = results.choice(part);
    if (choice.isEmpty()) {
      Memory.say("%s has no rate: its pilots are not all done, or all diverged", part.name());
      return;
    }
    results.put(part, run.apply(part, choice.get()));
    Memory.say("%-28s %s", part.name(), line(part));
    write();
  }

  private String line(ParityPart part) {
    var result = results.of(part);
    boolean held = part.isTrial();
    return String.format(
        Locale.ROOT,
        held ? "held-out loss %.4f, %.0f s" : "score %.1f %%, %.0f s",
        held ? results.heldOut(part) : 100 * result.path("score").asDouble(),
        result.path("seconds").asDouble());
  }

  private void write() throws IOException {
    Files.createDirectories(page.getParent());
    Files.writeString(page, ParityPage.of(results));
  }

  private void report() throws IOException {
    write();
    Memory.say(
        "%d of %d parts done, %.2f hours of the second round, %s",
        ParityPart.all().size() - results.missing().size(),
        ParityPart.all().size(),
        results.seconds(true) / 3600,
        page);
  }

  private static double since(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
