package dev.nudge.cli;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Failure;
import dev.nudge.cli.console.Flags;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.Results;
import dev.nudge.cli.console.RunFile;
import dev.nudge.cli.console.Stderr;
import dev.nudge.cli.console.Verb;
import dev.nudge.cli.machine.DuckDbModule;
import dev.nudge.kernel.Kernels;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Layer;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.Schema;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Entry point of the `nudge` command: finds the verb, reads its settings, runs it, and returns
/// its exit code.
public final class Main {
  static final String HELP = "help";
  private static final List<String> HELP_FLAGS = List.of("--help", "-h");

  private Main() {}

  /// Runs the command; reserves the standard streams, so that no library's output reaches them.
  public static void main(String[] args) {
    Stderr.restore();
    OutputStream out = new FileOutputStream(FileDescriptor.out);
    PrintStream err = stream(new FileOutputStream(FileDescriptor.err));
    System.setOut(stream(OutputStream.nullOutputStream()));
    System.setErr(stream(OutputStream.nullOutputStream()));
    DuckDbModule.use(System.getProperty("nudge.launcher"));
    int rehearsal = Integer.getInteger("nudge.rehearse", 0); // set by the launcher's build
    if (rehearsal > 0) {
      Results nowhere = new Results(OutputStream.nullOutputStream());
      StartupRehearsal.run(
          rehearsal, command -> run(Library.verbs(), command, nowhere, System.err));
    }
    System.exit(run(Library.verbs(), List.of(args), Results.standard(out), err));
  }

  /// Runs the command in this process.
  ///
  /// @return the exit code
  public static int run(String[] args, PrintStream out, PrintStream err) {
    return run(Library.verbs(), List.of(args), new Results(out), err);
  }

  /// Runs one verb.
  ///
  /// @param args arguments after the verb
  static int run(Verb<?> verb, List<String> args, PrintStream out, PrintStream err) {
    List<String> line = new ArrayList<>(List.of(verb.name()));
    line.addAll(args);
    return run(List.of(verb), line, new Results(out), err);
  }

  public static int run(List<Verb<?>> verbs, List<String> args, Results out, PrintStream err) {
    boolean trace = args.contains("--stack-trace");
    try {
      return dispatch(verbs, args, out, err);
    } catch (Results.ReaderGone e) {
      return ExitCode.DONE;
    } catch (Throwable e) { // standard error is redirected, so the JVM's report is lost
      Failure failure = Failure.of(e);
      failure.print(err, e, trace);
      return failure.code();
    }
  }

  private static int dispatch(List<Verb<?>> verbs, List<String> args, Results out, PrintStream err)
      throws Exception {
    String first = args.isEmpty() ? "" : args.getFirst();
    switch (first) {
      case "", "--help", "-h" -> {
        out.line(HelpText.of(verbs));
        return ExitCode.DONE;
      }
      case HELP -> {
        out.line(help(verbs, args.subList(1, args.size())));
        return ExitCode.DONE;
      }
      case "--version", "-V" -> {
        out.line(version());
        return ExitCode.DONE;
      }
      default -> {
        List<Verb<?>> group = group(verbs, first);
        if (!group.isEmpty() && (args.size() == 1 || HELP_FLAGS.contains(args.get(1)))) {
          out.line(HelpText.of(first, group));
          return ExitCode.DONE;
        }
        int words = group.isEmpty() ? 1 : 2;
        if (words == 2 && args.get(1).startsWith("-")) {
          throw new InputException(
              "behind %s comes one of its verbs: %s".formatted(first, lastWords(group)));
        }
        Verb<?> verb = verb(verbs, String.join(" ", args.subList(0, words)));
        return call(verb, args.subList(words, args.size()), out, err);
      }
    }
  }

  /// Returns the text of `nudge help` and `nudge help VERB`.
  private static String help(List<Verb<?>> verbs, List<String> args) {
    String first = args.isEmpty() ? HELP : args.getFirst();
    List<Verb<?>> group = group(verbs, first);
    int words = group.isEmpty() ? 1 : 2;
    if (args.size() > words) {
      throw new InputException(
          "unexpected argument '" + args.get(words) + "'; help takes one verb, or none");
    }
    if (first.equals(HELP)) {
      return HelpText.of(verbs);
    }
    if (args.size() < words) {
      return HelpText.of(first, group);
    }
    return HelpText.of(verb(verbs, String.join(" ", args)));
  }

  /// Returns the verbs of a group.
  private static List<Verb<?>> group(List<Verb<?>> verbs, String name) {
    return verbs.stream().filter(verb -> verb.name().startsWith(name + " ")).toList();
  }

  private static String lastWords(List<Verb<?>> group) {
    return String.join(", ", group.stream().map(Verb::lastWord).toList());
  }

  private static Verb<?> verb(List<Verb<?>> verbs, String name) {
    List<Verb<?>> group = group(verbs, name.split(" ", 2)[0]);
    if (!group.isEmpty() && group.stream().noneMatch(verb -> verb.name().equals(name))) {
      String last = name.substring(name.indexOf(' ') + 1);
      String near = Nearest.hint(last, group.stream().map(Verb::lastWord).toList());
      throw new InputException(
          "unknown verb %s%s"
              .formatted(name, near.isEmpty() ? "; the verbs are " + lastWords(group) : near));
    }
    List<String> known = new ArrayList<>(List.of(HELP, "--help", "--version"));
    for (Verb<?> verb : verbs) {
      if (verb.name().equals(name)) {
        return verb;
      }
      String first = verb.name().split(" ", 2)[0];
      if (!name.startsWith(first)) { // data-stats should suggest data stats, not data
        known.add(first);
      }
    }
    if (Nearest.of(name, known).isEmpty()) {
      verbs.forEach(verb -> known.add(verb.name()));
    }
    String kind = name.startsWith("-") ? "unknown flag " : "unknown verb ";
    throw new InputException(kind + name + OtherVerbs.hint(name, known));
  }

  private static <S extends Record> int call(
      Verb<S> verb, List<String> args, Results out, PrintStream err) throws Exception {
    Schema<S> schema = verb.schema();
    Flags.Line line = Flags.of(verb, schema.knobs()).parse(args);
    if (line.has("--help")) {
      out.line(HelpText.of(verb));
      return ExitCode.DONE;
    }
    if (line.kernels() != null) {
      Kernels.choose(Kernels.Choice.valueOf(line.kernels().toUpperCase(Locale.ROOT)));
    }
    List<Layer> layers = new ArrayList<>();
    Map<String, @Nullable Object> given = new HashMap<>();
    if (line.config() != null) {
      Layer file = RunFile.read(path(line.config()));
      file.values().keySet().removeIf(verb::ignores);
      layers.add(file);
      given.putAll(file.values());
    }
    layers.add(line.values());
    given.putAll(line.values().values());
    Layer before = verb.before(Layer.of(given));
    if (before != null) {
      layers.addFirst(before);
    }
    S settings = schema.read(layers);
    Console console =
        new Console(
            out, err, line.has("--json"), line.has("-q"), line.has("-v"), line.has("--offline"));
    try (HubNames names = HubNames.of(console)) {
      return verb.run(names.in(verb, settings), console);
    }
  }

  private static Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new InputException("--config is '" + text + "'; it must be a path", e);
    }
  }

  private static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return "nudge " + (version == null ? "(development build)" : version);
  }

  private static PrintStream stream(OutputStream to) {
    return new PrintStream(to, true, StandardCharsets.UTF_8);
  }
}
