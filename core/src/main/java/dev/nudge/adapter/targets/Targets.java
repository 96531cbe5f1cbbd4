package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Selects modules: all linear layers, a list of names, or a regular expression.
///
/// The rules are PEFT's. A name matches the module whose path it is, and every module whose path
/// ends in a dot and the name. A regular expression must match the whole path.
public sealed interface Targets {
  /// The word `all-linear`, as it is written on the command line and in a config.
  String ALL_LINEAR = "all-linear";

  /// Every linear layer but the output head and the routers of experts.
  record AllLinear() implements Targets {
    @Override
    public Predicate<String> matcher() {
      return path -> !ExpertPaths.isRouter(path);
    }

    @Override
    public String toString() {
      return ALL_LINEAR;
    }
  }

  /// Module paths or dotted suffixes of them, in the order they were given.
  record Names(List<String> names) implements Targets {
    public Names {
      names = List.copyOf(new LinkedHashSet<>(names));
      if (names.isEmpty() || names.stream().anyMatch(String::isBlank)) {
        throw new InputException(
            "a list of targets needs at least one name and no empty one, got '"
                + String.join(",", names)
                + "'");
      }
    }

    @Override
    public Predicate<String> matcher() {
      Predicate<String> named = path -> names.stream().anyMatch(name -> matches(name, path));
      return path -> ExpertPaths.selects(named, path);
    }

    /// Tells whether one entry of a list names the module at `path`.
    public static boolean matches(String name, String path) {
      return path.equals(name) || path.endsWith("." + name);
    }

    @Override
    public String toString() {
      return String.join(",", names);
    }
  }

  /// An expression in Python's syntax that must match the whole path.
  record Regex(String pattern) implements Targets {
    public Regex {
      PythonRegex.compile(pattern);
    }

    @Override
    public Predicate<String> matcher() {
      Predicate<String> named = PythonRegex.fullMatch(pattern);
      return path -> ExpertPaths.selects(named, path);
    }

    @Override
    public String toString() {
      return "/" + pattern + "/";
    }
  }

  /// Modules by the first, and parameters by their names or dotted suffixes of them: how adapters
  /// on
  /// experts are saved (PEFT's `target_parameters`). A module's parameter is its path and
  /// `.weight`,
  /// that of an expert's the stack of all experts.
  record Parameters(@Nullable Targets modules, List<String> parameters) implements Targets {
    public Parameters {
      parameters = List.copyOf(new LinkedHashSet<>(parameters));
    }

    private boolean parameter(String path) {
      String whole = ExpertPaths.parameter(path);
      return parameters.stream().anyMatch(name -> Names.matches(name, whole));
    }

    @Override
    public Predicate<String> matcher() {
      Predicate<String> module = modules == null ? path -> false : modules.matcher();
      return path -> parameter(path) || (!ExpertPaths.isExpert(path) && module.test(path));
    }

    @Override
    public String key(String path) {
      return parameter(path) ? ExpertPaths.parameter(path) : path;
    }

    @Override
    public String toString() {
      return (modules == null ? "" : modules + ",") + String.join(",", parameters);
    }
  }

  /// The name of a module that the keys of patterns match.
  default String key(String path) {
    return ExpertPaths.isExpert(path) ? ExpertPaths.parameter(path) : path;
  }

  /// Returns the predicate on module paths; an expression is compiled once.
  Predicate<String> matcher();

  /// Reads `all-linear`, `q_proj,v_proj` or `/regular expression/`.
  ///
  /// @throws InputException if the text is none of the three
  static Targets parse(String text) {
    String given = text.strip();
    if (given.toLowerCase(Locale.ROOT).equals(ALL_LINEAR)) {
      return new AllLinear();
    }
    if (given.startsWith("/")) {
      if (given.length() < 3 || !given.endsWith("/")) {
        throw new InputException(
            "'%s' is not a regular expression between slashes, as in /.*_proj/".formatted(given));
      }
      return new Regex(given.substring(1, given.length() - 1));
    }
    List<String> names = Arrays.stream(given.split(",", -1)).map(String::strip).toList();
    if (names.stream().anyMatch(String::isEmpty)) {
      throw new InputException(
          "'%s' has an empty name; give all-linear, names with commas, or /regex/"
              .formatted(given));
    }
    return new Names(names);
  }

  /// Returns the last segments of module paths, sorted: how `all-linear` is saved.
  public static Names leafNames(Collection<String> paths) {
    return new Names(paths.stream().map(Targets::leaf).distinct().sorted().toList());
  }

  /// Returns the last segment of a dotted path.
  public static String leaf(String path) {
    return path.substring(path.lastIndexOf('.') + 1);
  }
}
