package dev.nudge.adapter;

import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.LayerFilter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.Json;
import dev.nudge.format.JsonMistake;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// Reads `adapter_config.json` of PEFT, of any version, strictly.
///
/// Every key is in one of three sets. *Honoured* keys become part of the [AdapterKind]. *Silent*
/// keys
/// cannot change what the adapter computes: metadata, or options of a feature that another key
/// switches on. Every other key, known or not, must be null, false, empty or its default; otherwise
/// it would change the result, and is refused by name.
///
/// `init_lora_weights` matters for one reason: PiSSA, OLoRA, CorDA, LoftQ and LoRA-GA subtract the
/// initial B·A from the base, so their adapters belong to a changed base and are wrong on the
/// published one. PEFT writes `true` when it converts such an adapter to a plain one.
final class PeftReader {
  private static final long MOST_BYTES = 16 << 20;

  private static final Set<String> HONOURED =
      Set.of(
          "peft_type",
          "task_type",
          "r",
          "lora_alpha",
          "use_rslora",
          "lora_dropout",
          "target_modules",
          "target_parameters",
          "exclude_modules",
          "rank_pattern",
          "alpha_pattern",
          "layers_to_transform",
          "layers_pattern",
          "init_lora_weights",
          "modules_to_save",
          "trainable_token_indices",
          "ensure_weight_tying",
          "use_dora",
          "lora_bias");

  private static final Set<String> SILENT =
      Set.of(
          "auto_mapping",
          "base_model_name_or_path",
          "revision",
          "inference_mode",
          "peft_version",
          "runtime_config",
          "megatron_core",
          "qalora_group_size",
          "loftq_config",
          "eva_config",
          "corda_config",
          "lora_ga_config");

  /// Keys that must have their default, if that is neither null, false nor empty.
  private static final Map<String, String> DEFAULTS = Map.of("bias", "none");

  private static final Set<String> INITS = Set.of("gaussian", "eva", "orthogonal", "mica");
  private static final List<String> BASE_CHANGING =
      List.of("pissa", "olora", "corda", "loftq", "lora_ga");

  private final Path file;
  private JsonNode root = MissingNode.getInstance();

  PeftReader(Path file) {
    this.file = file;
  }

  AdapterKind read() {
    root = parse();
    boolean ia3 = checkKind().equals(Ia3.TYPE);
    checkInit();
    root.propertyNames().forEach(key -> checkKey(key, ia3 ? Ia3.KEYS : HONOURED));
    try {
      return ia3 ? Ia3.read(this, where()) : new LoraKind(where());
    } catch (InputException e) {
      throw refused(e.getMessage(), e);
    }
  }

  /// The modules and what is trained beside them; of LoRA, everything.
  private Lora where() {
    Targets targets = modules("target_modules");
    JsonNode parameters = root.path("target_parameters");
    if (!empty(parameters)) {
      targets = new Targets.Parameters(targets, strings("target_parameters", parameters));
    }
    if (targets == null) {
      throw new InputException("target_modules is missing; it names the modules of the adapter");
    }
    return new Lora(
        integer("r", root.path("r"), 8),
        number("lora_alpha", root.path("lora_alpha"), 8),
        flag("use_rslora"),
        number("lora_dropout", root.path("lora_dropout"), 0),
        targets,
        pattern("rank_pattern", (key, value) -> integer(key, value, 0)),
        pattern("alpha_pattern", (key, value) -> number(key, value, 0)),
        modules("exclude_modules"),
        layers(),
        extras(),
        variant());
  }

  private JsonNode parse() {
    try {
      if (Files.size(file) > MOST_BYTES) {
        throw refused(
            "it has %d bytes; at most %d are read".formatted(Files.size(file), MOST_BYTES), null);
      }
      JsonNode node = Json.parseStrictly(Files.readAllBytes(file));
      if (!node.isObject()) {
        throw refused("it holds no JSON object", null);
      }
      return node;
    } catch (JacksonException e) {
      throw refused(
          "it is not JSON at line %d, column %d: %s"
              .formatted(
                  e.getLocation() == null ? 1 : e.getLocation().getLineNr(),
                  e.getLocation() == null ? 1 : e.getLocation().getColumnNr(),
                  JsonMistake.of(e)),
          e);
    } catch (IOException e) {
      throw refused("it cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// Returns the kind.
  private String checkKind() {
    JsonNode type = root.path("peft_type");
    if (!type.isString() || !List.of("LORA", Ia3.TYPE).contains(type.stringValue())) {
      throw refused(
          "peft_type is %s; supported are \"LORA\" and \"IA3\"".formatted(shown(type)), null);
    }
    JsonNode task = root.path("task_type");
    boolean known =
        task.isString() && List.of("CAUSAL_LM", PeftConfig.REWARD).contains(task.stringValue());
    if (!empty(task) && !known) {
      throw refused(
          "task_type is %s; supported are \"CAUSAL_LM\" and \"SEQ_CLS\" (a reward model)"
              .formatted(shown(task)),
          null);
    }
    return type.stringValue();
  }

  private void checkInit() {
    JsonNode init = root.path("init_lora_weights");
    if (empty(init) || init.isBoolean()) {
      return;
    }
    String name = init.isString() ? init.stringValue().toLowerCase(Locale.ROOT) : "";
    if (BASE_CHANGING.stream().anyMatch(name::startsWith)) {
      throw refused(
          "init_lora_weights is %s, which changes the base weights; convert the adapter to a plain one with PEFT (save_pretrained with path_initial_model_for_weight_conversion)"
              .formatted(shown(init)),
          null);
    }
    if (!INITS.contains(name)) {
      throw refused(
          "init_lora_weights is %s; supported are true, false, %s"
              .formatted(shown(init), String.join(", ", new TreeSet<>(INITS))),
          null);
    }
  }

  private void checkKey(String key, Set<String> honoured) {
    JsonNode value = root.path(key);
    if (honoured.contains(key) || SILENT.contains(key) || empty(value)) {
      return;
    }
    if (value.isString() && value.stringValue().equals(DEFAULTS.get(key))) {
      return;
    }
    List<String> near = Nearest.of(key, honoured);
    throw refused(
        "%s is %s, which is not supported%s; only LoRA with DoRA or lora_bias, and (IA)³, are, so merge this adapter into its base with PEFT"
            .formatted(
                key,
                shown(value),
                near.isEmpty() ? "" : " (nearest known: " + String.join(", ", near) + ")"),
        null);
  }

  /// The feedforward modules of (IA)³; null: none.
  @Nullable Targets feedforward() {
    JsonNode value = root.path("feedforward_modules");
    if (value.isMissingNode() || value.isNull()) {
      throw new InputException(
          "feedforward_modules is missing, and PEFT's choice by the model's type is not known here;"
              + " write the list into the file, [] where there are none");
    }
    return modules("feedforward_modules");
  }

  private @Nullable Targets modules(String key) {
    JsonNode value = root.path(key);
    if (empty(value)) {
      return null;
    }
    if (value.isString()) {
      String text = value.stringValue();
      boolean all = text.toLowerCase(Locale.ROOT).equals(Targets.ALL_LINEAR);
      if (all && key.equals("target_modules")) {
        return new Targets.AllLinear();
      }
      return new Targets.Regex(text);
    }
    return new Targets.Names(strings(key, value));
  }

  private @Nullable LayerFilter layers() {
    JsonNode indices = root.path("layers_to_transform");
    JsonNode names = root.path("layers_pattern");
    if (indices.isMissingNode() || indices.isNull() || (indices.isArray() && indices.isEmpty())) {
      if (!empty(names)) {
        throw new InputException("layers_pattern is set but layers_to_transform is not");
      }
      return null;
    }
    List<Integer> numbers =
        indices.isArray()
            ? indices.valueStream().map(i -> integer("layers_to_transform", i, 0)).toList()
            : List.of(integer("layers_to_transform", indices, 0));
    List<String> patterns =
        empty(names)
            ? List.of()
            : names.isString() ? List.of(names.stringValue()) : strings("layers_pattern", names);
    return new LayerFilter(numbers, patterns);
  }

  private Lora.Variant variant() {
    boolean dora = flag("use_dora");
    if (dora && flag("lora_bias")) {
      throw new InputException("use_dora and lora_bias are both true; PEFT has one or the other");
    }
    return dora ? Lora.Variant.DORA : flag("lora_bias") ? Lora.Variant.BIAS : Lora.Variant.PLAIN;
  }

  private Extras extras() {
    JsonNode modules = root.path("modules_to_save");
    JsonNode tokens = root.path("trainable_token_indices");
    Map<String, List<Integer>> ids = new LinkedHashMap<>();
    if (tokens.isObject()) {
      tokens.forEachEntry((name, list) -> ids.put(name, ids(list)));
    } else if (!empty(tokens)) {
      ids.put("embed_tokens", ids(tokens));
    }
    boolean reward = root.path("task_type").asString("").equals(PeftConfig.REWARD);
    List<String> names = empty(modules) ? List.of() : strings("modules_to_save", modules);
    return new Extras(
        reward ? names.stream().filter(n -> !PeftConfig.HEADS.contains(n)).toList() : names,
        ids,
        0,
        flag("ensure_weight_tying"),
        reward);
  }

  private static List<Integer> ids(JsonNode list) {
    if (!list.isArray()) {
      throw new InputException(
          "trainable_token_indices is %s; it takes a list of token ids, or an object of module: list"
              .formatted(shown(list)));
    }
    return list.valueStream().map(id -> integer("trainable_token_indices", id, 0)).toList();
  }

  private <T> Map<String, T> pattern(String key, BiFunction<String, JsonNode, T> read) {
    JsonNode value = root.path(key);
    Map<String, T> map = new LinkedHashMap<>();
    if (!empty(value)) {
      if (!value.isObject()) {
        throw new InputException(
            "%s is %s; it takes an object of expression: number".formatted(key, shown(value)));
      }
      value.forEachEntry((k, v) -> map.put(k, read.apply(key + " of " + k, v)));
    }
    return map;
  }

  private boolean flag(String key) {
    JsonNode value = root.path(key);
    if (!empty(value) && !value.isBoolean()) {
      throw new InputException("%s is %s; it takes true or false".formatted(key, shown(value)));
    }
    return value.isBoolean() && value.booleanValue();
  }

  private static int integer(String key, JsonNode value, int otherwise) {
    if (value.isMissingNode()) {
      return otherwise;
    }
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      throw new InputException("%s is %s; it takes a whole number".formatted(key, shown(value)));
    }
    return value.intValue();
  }

  private static double number(String key, JsonNode value, double otherwise) {
    if (value.isMissingNode()) {
      return otherwise;
    }
    if (!value.isNumber()) {
      throw new InputException("%s is %s; it takes a number".formatted(key, shown(value)));
    }
    return value.doubleValue();
  }

  private static List<String> strings(String key, JsonNode value) {
    if (!value.isArray() || value.valueStream().anyMatch(v -> !v.isString())) {
      throw new InputException(
          "%s is %s; it takes a list of names or a regular expression"
              .formatted(key, shown(value)));
    }
    return value.valueStream().map(JsonNode::stringValue).toList();
  }

  /// Whether PEFT treats a value as not set.
  private static boolean empty(JsonNode value) {
    return value.isMissingNode()
        || value.isNull()
        || (value.isBoolean() && !value.booleanValue())
        || (value.isString() && value.stringValue().isEmpty())
        || (value.isContainer() && value.isEmpty());
  }

  private InputException refused(@Nullable String why, @Nullable Throwable cause) {
    String message = file + ": " + why;
    return cause == null ? new InputException(message) : new InputException(message, cause);
  }

  private static String shown(JsonNode value) {
    if (value.isMissingNode()) {
      return "missing";
    }
    String text = oneLine(value.toString());
    return text.length() <= 80 ? text : text.substring(0, 77) + "...";
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s+", " ");
  }
}
