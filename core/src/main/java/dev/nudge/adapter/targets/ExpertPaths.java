package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Module paths of experts and routers, and what targets call them.
///
/// An expert has two modules, `….experts.E.gate_up_proj` and `….experts.E.down_proj`. PEFT has all
/// experts of a layer in one parameter, `….experts.gate_up_proj`, and users name gate and up as in
/// a dense MLP. A router is `gate` to users, whatever its module is called.
public final class ExpertPaths {
  public static final String GATE_UP = "gate_up_proj";
  public static final String DOWN = "down_proj";
  static final String EXPERTS = ".experts.";
  private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.\\d+(\\.[^.]+)");
  private static final Pattern ROUTER =
      Pattern.compile("(.*\\.(mlp|block_sparse_moe))\\.(gate|router)");

  private ExpertPaths() {}

  /// Whether the module is a part of one expert.
  public static boolean isExpert(String path) {
    return path.contains(EXPERTS) && EXPERT.matcher(path).matches();
  }

  static boolean isRouter(String path) {
    return ROUTER.matcher(path).matches();
  }

  /// The parameter of the whole model that has a module's weight: for experts the stack.
  public static String parameter(String path) {
    Matcher expert = EXPERT.matcher(path);
    return expert.matches() ? expert.group(1) + expert.group(2) : path + ".weight";
  }

  /// The names of a module that targets may give: its path, what PEFT 0.17 and before called it,
  /// what Mixtral's files call it.
  static List<String> names(String path) {
    if (isExpert(path)) {
      String expert = path.substring(0, path.lastIndexOf('.') + 1);
      return path.endsWith(GATE_UP)
          ? List.of(path, expert + "gate_proj", expert + "w1", expert + "up_proj", expert + "w3")
          : List.of(path, expert + "w2");
    }
    Matcher router = ROUTER.matcher(path);
    return router.matches() ? List.of(path, router.group(1) + ".gate") : List.of(path);
  }

  /// Whether targets select a module.
  ///
  /// @throws InputException if they select only one of an expert's gate and up
  static boolean selects(Predicate<String> named, String path) {
    List<String> names = names(path);
    if (names.size() < 3) {
      return names.stream().anyMatch(named);
    }
    boolean gate = named.test(names.get(1)) || named.test(names.get(2));
    boolean up = named.test(names.get(3)) || named.test(names.get(4));
    if (gate != up) {
      throw new InputException(
          "targets select %s of experts and not %s; they are one matrix, so name both or none"
              .formatted(gate ? "gate_proj" : "up_proj", gate ? "up_proj" : "gate_proj"));
    }
    return gate || named.test(path);
  }

  /// Refuses targets that select some experts of a layer.
  static void checkWhole(Collection<String> all, Set<String> selected) {
    Set<String> stacks = new HashSet<>();
    selected.stream().filter(ExpertPaths::isExpert).forEach(p -> stacks.add(parameter(p)));
    for (String path : stacks.isEmpty() ? List.<String>of() : all) {
      if (!selected.contains(path) && isExpert(path) && stacks.contains(parameter(path))) {
        throw new InputException(
            "targets select some experts of a layer and not %s; an adapter is on all of them or none"
                .formatted(path));
      }
    }
  }
}
