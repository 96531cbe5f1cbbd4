package dev.nudge.text.chat;

import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import dev.nudge.text.chat.Rendered.Span;
import dev.nudge.text.chat.SpecialTokens.Found;
import dev.nudge.text.jinja.Items;
import dev.nudge.text.jinja.None;
import dev.nudge.text.jinja.Num;
import dev.nudge.text.jinja.Origin;
import dev.nudge.text.jinja.RenderLimits;
import dev.nudge.text.jinja.Template;
import dev.nudge.text.jinja.TemplateException;
import dev.nudge.text.jinja.Text;
import dev.nudge.text.jinja.Value;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// A model's chat template, rendered as transformers renders it.
///
/// A conversation is a list of messages in OpenAI's shape (`role`, `content`, `tool_calls`,
/// `reasoning_content` …); the template sees all their keys but `train` and `weight`. If a template
/// prints today's date, it is the date of loading, the same for all rows of a run.
///
/// Threading: any number of threads.
public final class ChatTemplate {
  /// Matches texts that look like special tokens, if the tokenizer lists none.
  private static final Pattern MARK = Pattern.compile("<[^<>\\s]{1,40}>|\\[/?[A-Z_]{2,40}\\]");
  private static final String DEFAULT = "default";
  private static final String FOR_TOOLS = "tool_use";

  /// File of a model's template for conversations with tools, in `additional_chat_templates`.
  public static final String TOOL_USE = FOR_TOOLS + ".jinja";

  private static final Pattern TOOLS = Pattern.compile("\\btools\\b");

  private final Source source;
  private final Template template;
  private final @Nullable Source toolSource; // for conversations with tools; null: `source`
  private final Template toolTemplate;
  private final SpecialTokens specials;
  private final LocalDateTime now;
  private final @Nullable String turnEnd;

  private ChatTemplate(
      Source source, @Nullable Source toolSource, SpecialTokens specials, LocalDateTime now) {
    this.source = source;
    this.toolSource = toolSource;
    this.template = parse(source);
    this.toolTemplate = toolSource == null ? template : parse(toolSource);
    this.specials = specials;
    this.now = now;
    this.turnEnd = turnEnd(new Prepared(template, names(specials, null, Map.of()), now), specials);
  }

  /// Loads the template of an adapter, if its folder has one, else that of its model.
  ///
  /// @param adapter folder of the adapter; null: none
  /// @param named as in [#load(Path, String)]
  public static ChatTemplate load(Path model, @Nullable Path adapter, @Nullable String named) {
    Source own = adapter == null ? null : files(adapter).get(DEFAULT);
    if (named != null || own == null) {
      return load(model, named);
    }
    Source usual = files(model).get(DEFAULT);
    boolean models = usual != null && usual.text().equals(own.text());
    return models
        ? load(model, null)
        : new ChatTemplate(own, null, SpecialTokens.read(model), LocalDateTime.now());
  }

  /// Loads the template of a model folder.
  ///
  /// @param named name of one of the folder's templates or of a built-in one ([#knownNames]), or a
  ///     file; null: the folder's default
  /// @throws InputException if there is none, it cannot be read, or has unsupported constructs
  public static ChatTemplate load(Path modelFolder, @Nullable String named) {
    Map<String, Source> own = files(modelFolder);
    SpecialTokens specials = SpecialTokens.read(modelFolder);
    LocalDateTime now = LocalDateTime.now();
    if (named != null) {
      return new ChatTemplate(named(named, own), null, specials, now);
    }
    Source tools = own.get(FOR_TOOLS);
    Source usual = own.get(DEFAULT);
    if (usual == null) {
      throw new InputException(
          own.isEmpty()
              ? modelFolder
                  + " has no chat template; name one by --template: a file, or "
                  + String.join(", ", knownNames())
              : modelFolder
                  + " has several chat templates and none is the default; name one by --template: "
                  + String.join(", ", new TreeSet<>(own.keySet())));
    }
    return new ChatTemplate(usual, tools, specials, now);
  }

  private static Source named(String named, Map<String, Source> own) {
    Source found = own.get(named);
    if (found != null) {
      return found;
    }
    String known = KnownTemplates.ALL.get(named);
    if (known != null) {
      return new Source(known, "the template " + named);
    }
    try {
      Path file = Path.of(named);
      if (Files.isRegularFile(file)) {
        return read(file);
      }
    } catch (InvalidPathException e) {
      // neither a name nor a file
    }
    throw new InputException(
        "--template %s is no file and no template; there are %s"
            .formatted(named, String.join(", ", knownNames())));
  }

  /// Whether a model folder has a chat template.
  public static boolean isIn(Path modelFolder) {
    return !files(modelFolder).isEmpty();
  }

  /// Returns the sources of a folder's templates by name; `default` is one of them.
  public static Map<String, String> sources(Path folder) {
    Map<String, String> all = new LinkedHashMap<>();
    files(folder).forEach((name, source) -> all.put(name, source.text()));
    return all;
  }

  /// Returns the source of a folder's default template; null: it has none.
  public static @Nullable String usual(Path folder) {
    return sources(folder).get(DEFAULT);
  }

  /// Returns the names of the built-in templates.
  public static List<String> knownNames() {
    return List.copyOf(KnownTemplates.ALL.keySet());
  }

  /// Copies the template with another time for `strftime_now`.
  public ChatTemplate withTime(LocalDateTime time) {
    return new ChatTemplate(source, toolSource, specials, time);
  }

  private static Template parse(Source source) {
    try {
      return Template.parse(source.text(), source.place());
    } catch (TemplateException e) {
      throw new InputException(String.valueOf(e.getMessage()), e);
    }
  }

  /// Whether this template is the model folder's default one.
  public boolean isOf(Path model) {
    Source own = files(model).get(DEFAULT);
    return own != null && own.text().equals(source.text());
  }

  /// Returns the source of the template, which is saved beside an adapter.
  public String text() {
    return source.text();
  }

  /// Returns where the template was found, for messages.
  public String place() {
    return source.place();
  }

  /// Whether the template renders tools.
  public boolean knowsTools() {
    return toolSource != null
        || TOOLS.matcher(source.text()).find() && !KnownTemplates.ALL.containsValue(source.text());
  }

  /// Returns `sha256:` and the digest of its source, and of its source for tools if that differs.
  public String digest() {
    String all = toolSource == null ? source.text() : source.text() + toolSource.text();
    return Sha256.of(all.getBytes(StandardCharsets.UTF_8));
  }

  /// Returns a digest of all that determines a rendering, except the conversation and the time.
  public String rule() {
    return Sha256.of((digest() + specials).getBytes(StandardCharsets.UTF_8));
  }

  /// Renders a conversation.
  ///
  /// @param tools in OpenAI's form; null: none
  /// @param addGenerationPrompt whether to append the beginning of an answer
  /// @param variables more template variables, such as `enable_thinking`
  /// @throws ChatException if the template refuses the conversation
  public Rendered render(
      ArrayNode messages,
      @Nullable ArrayNode tools,
      boolean addGenerationPrompt,
      Map<String, JsonNode> variables) {
    return of(tools, variables).render(TemplateMessages.values(messages), addGenerationPrompt);
  }

  SpecialTokens specials() {
    return specials;
  }

  /// Returns the token that ends a turn; null: unknown.
  public @Nullable String turnEnd() {
    return turnEnd;
  }

  /// Prepares a rendering; only the messages are still missing.
  Prepared of(@Nullable ArrayNode tools, Map<String, JsonNode> variables) {
    return new Prepared(
        tools == null ? template : toolTemplate, names(specials, tools, variables), now);
  }

  private static Map<String, Value> names(
      SpecialTokens specials, @Nullable ArrayNode tools, Map<String, JsonNode> variables) {
    Map<String, Value> names = new HashMap<>();
    names.put("tools", tools == null ? None.NONE : TemplateMessages.value(tools, Origin.TEMPLATE));
    names.put("documents", None.NONE);
    specials.named().forEach((name, token) -> names.put(name, Text.of(token)));
    variables.forEach(
        (name, value) -> names.put(name, TemplateMessages.value(value, Origin.TEMPLATE)));
    return names;
  }

  /// Renders conversations that differ only in their messages.
  record Prepared(Template template, Map<String, Value> names, LocalDateTime now) {
    Rendered render(List<Value> messages, boolean addGenerationPrompt) {
      Map<String, Value> all = new HashMap<>(names);
      all.put("messages", Items.of(messages, Origin.TEMPLATE));
      all.put("add_generation_prompt", Num.of(addGenerationPrompt));
      try {
        return Rendered.of(template.render(all, RenderLimits.USUAL, now));
      } catch (TemplateException e) {
        throw new ChatException(String.valueOf(e.getMessage()), e);
      }
    }
  }

  /// The text of a template, and where it was found, for messages.
  private record Source(String text, String place) {}

  /// Finds the templates of a folder where transformers does, by name: `chat_template.jinja` and
  /// `additional_chat_templates/NAME.jinja` (or `chat_templates/NAME.jinja`), else `chat_template`
  /// of `tokenizer_config.json`, a text or a list of named ones; an old `chat_template.json` last.
  private static Map<String, Source> files(Path folder) {
    Map<String, Source> found = new LinkedHashMap<>();
    Path file = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      found.put(DEFAULT, read(file));
    }
    for (String place : FolderText.TEMPLATES) {
      for (Path more : FolderText.jinja(folder.resolve(place))) {
        String name = more.getFileName().toString();
        found.put(name.substring(0, name.length() - ".jinja".length()), read(more));
      }
    }
    for (String name : List.of("tokenizer_config.json", "chat_template.json")) {
      Path json = folder.resolve(name);
      if (found.isEmpty() && FolderText.exists(json)) {
        add(Json.read(json).path("chat_template"), json.toString(), found);
      }
    }
    return found;
  }

  private static void add(JsonNode node, String place, Map<String, Source> found) {
    if (node.isString()) {
      found.put(DEFAULT, new Source(node.stringValue(), "chat_template of " + place));
    }
    for (JsonNode one : node.isArray() ? node : List.<JsonNode>of()) {
      String name = one.path("name").asString("");
      String template = one.path("template").asString("");
      found.put(name, new Source(template, "chat_template '" + name + "' of " + place));
    }
  }

  private static Source read(Path file) {
    try {
      return new Source(Files.readString(file), file.toString());
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// Finds the end-of-turn token: it follows an answer both before the next question and at the end
  /// of the text. (Phi-4-mini writes `<|end|>` after each message, `<|endoftext|>` after all.) A
  /// harmony template has none: `<|end|>` ends a message there, and an answer has several.
  private static @Nullable String turnEnd(Prepared template, SpecialTokens specials) {
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    for (String role : List.of("user", "assistant", "user", "assistant")) {
      messages.addObject().put("role", role).put("content", "a");
    }
    Rendered probe;
    try {
      probe = template.render(TemplateMessages.values(messages), false);
    } catch (ChatException e) {
      return null;
    }
    List<Span> said = probe.spans().stream().filter(s -> s.part().said()).toList();
    if (said.size() != 4) {
      return null;
    }
    String between = probe.text().substring(said.get(1).end(), said.get(2).start());
    String last = probe.text().substring(said.get(3).end());
    if (Harmony.isIn(probe.text())) {
      return null;
    }
    String special = both(last, between, specials.all());
    if (special != null) {
      return special;
    }
    Set<String> marks = new TreeSet<>();
    Matcher looks = MARK.matcher(last);
    while (looks.find()) {
      marks.add(looks.group());
    }
    return both(last, between, marks);
  }

  private static @Nullable String both(String last, String between, Set<String> tokens) {
    Found found = SpecialTokens.first(last, 0, last.length(), tokens);
    return found != null && between.contains(found.token()) ? found.token() : null;
  }
}
