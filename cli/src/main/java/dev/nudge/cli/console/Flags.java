package dev.nudge.cli.console;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Layer;
import dev.nudge.settings.OtherNames;
import dev.nudge.settings.SettingComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/// Parses the arguments of a verb: the flags of its settings, and those common to all verbs.
///
/// Values stay text; the settings convert them. A flag is given by its full name, once unless
/// repeatable, as `--flag value` or `--flag=value`; the second form also takes a value that looks
/// like a flag. A switch with a `--no-` form also takes `true` or `false`.
public final class Flags {
  /// The flags of every verb, with help.
  public static final Map<String, String> COMMON =
      mapOf(
          "--json",
          "print one JSON object on standard output, nothing else there",
          "-q",
          "no progress, no notes",
          "-v",
          "more lines, for those who know the machine",
          "--offline",
          "fetch nothing: models, adapters and data by name are taken as the cache has them",
          "--stack-trace",
          "with an error, show where in the program it arose",
          "--help",
          "show this help");

  public static final String CONFIG = "--config";

  /// The choice of kernels, a common flag with a value.
  public static final String KERNELS = "--kernels";

  public static final String KERNELS_HELP =
      "auto; vector: no machine code; plain: no Vector API either, for comparison (default: auto)";
  /// Names of `Kernels.Choice`, which help does not load.
  public static final List<String> KERNELS_VALUES = List.of("auto", "vector", "plain");

  private static final List<String> TRUTHS = List.of("true", "false");
  private static final Pattern NUMBER = Pattern.compile("-[0-9.]+(e-?[0-9]+)?");

  private final List<SettingComponent> knobs;
  private final CommandLine parser;
  private final boolean takesFile;

  private Flags(List<SettingComponent> knobs, CommandLine parser, boolean takesFile) {
    this.knobs = knobs;
    this.parser = parser;
    this.takesFile = takesFile;
  }

  /// Makes the parser of a verb.
  public static Flags of(Verb<?> verb, List<SettingComponent> knobs) {
    CommandSpec spec = CommandSpec.create().name(verb.name());
    int operands = 0;
    for (SettingComponent knob : knobs) {
      if (knob.operand()) {
        spec.addPositional(operand(knob, operands++));
        continue;
      }
      OptionSpec.Builder option = OptionSpec.builder(knob.flag());
      spec.addOption(
          (switch (knob.kind()) {
                case SWITCH ->
                    option
                        .type(Boolean.class)
                        .arity(knob.setting().negatable() ? "0..1" : "0")
                        .negatable(knob.setting().negatable())
                        .fallbackValue("true");
                case TEXTS -> option.type(List.class).auxiliaryTypes(String.class).arity("1");
                default -> option.type(String.class).arity("1");
              })
              .build());
    }
    COMMON.keySet().forEach(flag -> spec.addOption(switchOption(flag)));
    spec.addOption(OptionSpec.builder(KERNELS).type(String.class).arity("1").build());
    if (verb.takesFile()) {
      spec.addOption(OptionSpec.builder(CONFIG).type(String.class).arity("1").build());
    }
    spec.parser().posixClusteredShortOptionsAllowed(false).endOfOptionsDelimiter("\0"); // off
    CommandLine parser = new CommandLine(spec);
    parser.setExpandAtFiles(false);
    parser.setInterpolateVariables(false);
    parser.setAllowOptionsAsOptionParameters(true); // values were joined to their flags
    return new Flags(knobs, parser, verb.takesFile());
  }

  private static PositionalParamSpec operand(SettingComponent knob, int place) {
    PositionalParamSpec.Builder operand = PositionalParamSpec.builder().paramLabel(knob.label());
    return knob.repeatable()
        ? operand
            .index(place + "..*")
            .arity("0..*")
            .type(List.class)
            .auxiliaryTypes(String.class)
            .build()
        : operand.index(Integer.toString(place)).arity("0..1").type(String.class).build();
  }

  private static OptionSpec switchOption(String flag) {
    OptionSpec.Builder option =
        flag.equals("--help") ? OptionSpec.builder("--help", "-h") : OptionSpec.builder(flag);
    return option.type(boolean.class).arity("0").usageHelp(flag.equals("--help")).build();
  }

  /// A parsed command line after the verb.
  ///
  /// @param switches which of [#COMMON] were given
  /// @param config the run file, if one was given
  /// @param kernels the choice of kernels, if one was given
  /// @param values the given settings by key, as text
  public record Line(
      List<String> switches, @Nullable String config, @Nullable String kernels, Layer values) {
    public boolean has(String flag) {
      return switches.contains(flag);
    }
  }

  /// Parses the arguments after the verb; throws an [InputException] with the error.
  public Line parse(List<String> arguments) {
    ParseResult result;
    try {
      result = parser.parseArgs(joined(arguments));
    } catch (ParameterException e) {
      throw new InputException(mistake(e), e);
    }
    Map<String, Object> values = new LinkedHashMap<>();
    int place = 0;
    for (SettingComponent knob : knobs) {
      if (knob.operand()) {
        if (result.hasMatchedPositional(place)) {
          values.put(knob.key(), result.matchedPositionalValue(place, (Object) ""));
        }
        place++;
      } else if (result.hasMatchedOption(knob.flag())) {
        Object value = result.matchedOptionValue(knob.flag(), (Object) "");
        values.put(knob.key(), value);
      }
    }
    List<String> switches = COMMON.keySet().stream().filter(result::hasMatchedOption).toList();
    @Nullable String config =
        takesFile && result.hasMatchedOption(CONFIG)
            ? result.<String>matchedOptionValue(CONFIG, "")
            : null; // for other verbs it is an ordinary setting
    @Nullable String kernels =
        result.hasMatchedOption(KERNELS) ? choice(result.matchedOptionValue(KERNELS, "")) : null;
    return new Line(switches, config, kernels, Layer.of(values));
  }

  private static String choice(String text) {
    if (!KERNELS_VALUES.contains(text)) {
      throw new InputException(
          KERNELS + " is '" + text + "'; it must be one of " + String.join(", ", KERNELS_VALUES));
    }
    return text;
  }

  /// Joins a flag and its value to `--flag=value`, so that a value may begin with a dash. A known
  /// flag is never taken as a value.
  private String[] joined(List<String> arguments) {
    Map<String, OptionSpec> options = parser.getCommandSpec().optionsMap();
    List<String> joined = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      String name = name(argument);
      OptionSpec option = options.get(name);
      boolean takesValue = option != null && option.arity().max() > 0;
      if (option != null && !takesValue && !name.equals(argument)) {
        throw new InputException(name + " takes no value; give it alone");
      }
      if (option != null && takesValue && option.arity().min() == 0) {
        String next = i + 1 < arguments.size() ? arguments.get(i + 1) : "";
        boolean given = name.equals(argument) && TRUTHS.contains(next);
        if (!name.equals(argument) && !TRUTHS.contains(argument.substring(name.length() + 1))) {
          throw new InputException(
              name
                  + " is '"
                  + argument.substring(name.length() + 1)
                  + "'; it must be true or false, or stand alone");
        }
        joined.add(given ? argument + "=" + arguments.get(++i) : argument);
        continue;
      }
      boolean follows =
          i + 1 < arguments.size() && !options.containsKey(name(arguments.get(i + 1)));
      if (!takesValue || !name.equals(argument)) {
        joined.add(argument);
      } else if (follows) {
        joined.add(argument + "=" + arguments.get(++i));
      } else {
        throw new InputException(
            name + " has no value; give it as " + name + " VALUE or " + name + "=VALUE");
      }
    }
    return joined.toArray(String[]::new);
  }

  /// Returns the part of `--flag=value` before the first `=`.
  private static String name(String argument) {
    int equals = argument.indexOf('=');
    return equals < 0 ? argument : argument.substring(0, equals);
  }

  private String mistake(ParameterException e) {
    return switch (e) {
      case OverwrittenOptionException twice ->
          longest(twice.getOverwritten()) + " is given twice; give it once";
      case UnmatchedArgumentException unmatched -> unmatched(unmatched.getUnmatched());
      default -> String.valueOf(e.getMessage());
    };
  }

  private static String longest(ArgSpec option) {
    return ((OptionSpec) option).longestName();
  }

  /// Returns one error for all unknown flags; the word after a flag may be its value.
  private String unmatched(List<String> arguments) {
    String verb = parser.getCommandName();
    List<String> flags =
        arguments.stream()
            .filter(a -> a.startsWith("-") && !NUMBER.matcher(a).matches())
            .map(Flags::name)
            .distinct()
            .toList();
    if (flags.isEmpty()) {
      List<String> operands =
          knobs.stream().filter(SettingComponent::operand).map(SettingComponent::label).toList();
      String given = arguments.getFirst();
      List<String> choice =
          knobs.stream()
              .filter(k -> k.choices().contains(given))
              .map(SettingComponent::flag)
              .toList();
      String taken =
          switch (operands.size()) {
            case 0 ->
                choice.size() == 1
                    ? "flags only: " + choice.getFirst() + " " + given
                    : "flags only";
            case 1 -> "one " + operands.getFirst();
            default -> String.join(" ", operands);
          };
      return "unexpected argument '"
          + given
          + "'; "
          + verb
          + " takes "
          + taken
          + ", see nudge "
          + verb
          + " --help";
    }
    List<String> known = new ArrayList<>(parser.getCommandSpec().optionsMap().keySet());
    return OtherNames.unknownFlags(flags, verb, known);
  }

  private static Map<String, String> mapOf(String... pairs) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put(pairs[i], pairs[i + 1]);
    }
    return map;
  }
}
