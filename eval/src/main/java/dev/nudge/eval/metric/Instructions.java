package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/// IFEval: checks whether a response follows verifiable instructions [1], such as "no commas".
///
/// It has the 25 instruction types by their ids and arguments, with the verdicts of
/// lm-evaluation-harness. Strict checks the response as it is; loose accepts any of eight
/// variants: without first line, last line, both or neither, each with and without asterisks. An
/// empty response follows nothing. The harness reports instruction-level and prompt-level
/// accuracy.
///
/// Three differences: a missing argument is an error, where the harness draws one at random;
/// sentences are split by Punkt with nudge's lists ([PunktSentences]), which matters for
/// `number_sentences` and `capital_word_frequency`; languages are detected by [Languages].
///
/// [1] J. Zhou et al., Instruction-following evaluation for large language models, 2023.
public final class Instructions {

  /// Which instructions a response follows, in order.
  public record Verdict(List<Boolean> strict, List<Boolean> loose) {
    /// Whether all instructions are followed, strictly.
    public boolean allStrict() {
      return !strict.contains(false);
    }

    /// Whether all instructions are followed, loosely.
    public boolean allLoose() {
      return !loose.contains(false);
    }
  }

  private final List<Predicate<String>> checks; // whether a non-empty response follows each

  private Instructions(List<Predicate<String>> checks) {
    this.checks = List.copyOf(checks);
  }

  /// Reads the instructions of a prompt.
  ///
  /// @param ids `instruction_id_list` of the dataset: types, such as `punctuation:no_comma`
  /// @param arguments `kwargs` of the dataset, one map per instruction; null, 0, "" and an empty
  ///     list count as absent
  /// @throws dev.nudge.settings.InputException if an id is unknown, or an argument is missing or
  ///     invalid
  public static Instructions of(List<String> ids, List<? extends Map<String, ?>> arguments) {
    if (ids.size() != arguments.size()) {
      throw new IllegalArgumentException(
          ids.size() + " instructions have " + arguments.size() + " sets of arguments");
    }
    List<Predicate<String>> checks = new ArrayList<>();
    for (int i = 0; i < ids.size(); i++) {
      InstructionArguments given = new InstructionArguments(ids.get(i), arguments.get(i));
      checks.add(InstructionChecks.of(given));
    }
    return new Instructions(checks);
  }

  /// Checks a response.
  public Verdict verdict(String response) {
    Set<String> variants = variants(response);
    List<Boolean> strict = new ArrayList<>();
    List<Boolean> loose = new ArrayList<>();
    for (Predicate<String> check : checks) {
      strict.add(follows(check, response));
      loose.add(variants.stream().anyMatch(variant -> follows(check, variant)));
    }
    return new Verdict(strict, loose);
  }

  private static boolean follows(Predicate<String> check, String response) {
    return !PythonText.strip(response).isEmpty() && check.test(response);
  }

  private static Set<String> variants(String response) {
    List<String> lines = List.of(response.split("\n", -1));
    int end = lines.size();
    Set<String> variants = new LinkedHashSet<>();
    variants.add(response);
    variants.add(joined(lines.subList(1, end)));
    variants.add(joined(lines.subList(0, end - 1)));
    variants.add(joined(lines.subList(1, Math.max(1, end - 1))));
    List.copyOf(variants).forEach(variant -> variants.add(variant.replace("*", "")));
    return variants;
  }

  private static String joined(List<String> lines) {
    return PythonText.strip(String.join("\n", lines));
  }
}
