package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.ask.ChatLines;
import dev.nudge.cli.ask.ChatVerb;
import dev.nudge.cli.ask.PipedLines;
import dev.nudge.cli.console.Verb;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Talks to a tiny model, as a person and as a pipe.
class ChatTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> QUICK =
      List.of("--template", "chatml", "--max-tokens", "6", "--lanes", "1", "--threads", "1");

  private static final Path HISTORY = Path.of("target", "no-chat-history");

  @TempDir Path folder;
  Place place;

  @BeforeEach
  void write() throws IOException {
    place = Place.in(folder);
    assertThat(
            place
                .run(
                    "train",
                    "--model",
                    "D/model",
                    "--data",
                    "D/rows.jsonl",
                    "--out",
                    "D/one",
                    "--steps",
                    "2",
                    "--batch-size",
                    "3",
                    "--learning-rate",
                    "0.5",
                    "-q")
                .code())
        .isZero();
  }

  /// A person who types lines, of which INTERRUPT is Ctrl-C.
  private static class Typed implements ChatLines {
    static final String INTERRUPT = "^C";
    private final ArrayDeque<String> lines;
    private final List<String> prompts;
    private final Runnable interrupt;

    Typed(ArrayDeque<String> lines, List<String> prompts, Runnable interrupt) {
      this.lines = lines;
      this.prompts = prompts;
      this.interrupt = interrupt;
    }

    ArrayDeque<String> lines() {
      return lines;
    }

    Runnable interrupt() {
      return interrupt;
    }

    @Override
    public @Nullable String next(String prompt) throws Interrupted {
      prompts.add(prompt);
      String line = lines.poll();
      if (INTERRUPT.equals(line)) {
        throw new Interrupted();
      }
      return line;
    }

    @Override
    public int columns() {
      return 80;
    }

    @Override
    public void close() {}
  }

  private final List<String> prompts = new ArrayList<>();

  private Ran type(List<String> flags, String... lines) {
    return type(QUICK, flags, lines);
  }

  private Ran type(List<String> quick, List<String> flags, String... lines) {
    Verb<ChatVerb.Settings> verb =
        new ChatVerb(
            Library::chat,
            (chat, history, interrupt) ->
                new Typed(new ArrayDeque<>(Arrays.asList(lines)), prompts, interrupt),
            HISTORY);
    List<String> all = new ArrayList<>(List.of("chat", "--model", "D/model"));
    all.addAll(quick);
    all.addAll(flags);
    return place.run(List.of(verb), all.toArray(String[]::new));
  }

  private JsonNode saved(String name) throws IOException {
    return JSON.readTree(Files.readString(place.path(name))).get("messages");
  }

  @Test
  void theSystemMessageOfTrainingIsMissed() throws IOException {
    place.edit("one/nudge.json", "\"system\": null", "\"system\": \"be short\"");
    place.edit("one/nudge.json", "\"spoken\": false", "\"spoken\": true");
    List<String> adapter = List.of("--adapter", place.path("one").toString(), "-q");
    assertThat(type(adapter, "the pump").err())
        .isEqualTo(
            "nudge: warning: adapter D/one was trained with the system message \"be short\", and"
                + " gets none; set --system, full text in D/one/nudge.json\n");
    List<String> told = new ArrayList<>(adapter);
    told.addAll(List.of("--system", "be short"));
    assertThat(type(told, "the pump").err()).isEmpty();
  }

  @Test
  void whatIsSaidIsAnsweredAndKept() throws IOException {
    Ran ran =
        type(
            List.of("--system", "be short"),
            "the pump",
            "",
            "a seal",
            "/save " + place.path("talk.jsonl"));
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode messages = saved("talk.jsonl");
    assertThat(messages.valueStream().map(m -> m.get("role").asString()))
        .containsExactly("system", "user", "assistant", "user", "assistant");
    assertThat(messages.get(3).get("content").asString()).isEqualTo("a seal");
    assertThat(ran.out())
        .isEqualTo(
            messages.get(2).get("content").asString()
                + "\n"
                + messages.get(4).get("content").asString()
                + "\n");
    assertThat(ran.err()).contains("tok/s", "added to ");
  }

  @Test
  void anAdapterIsSwitchedOnAndOffAndComparedWithTheBase() {
    List<String> adapters = List.of("--adapter", "one=" + place.path("one"));
    String with = type(adapters, "the pump").out();
    String without = type(List.of(), "the pump").out();
    assertThat(with).isNotEqualTo(without);
    Ran ran = type(adapters, "/off", "the pump", "/new", "/adapter one", "the pump", "/adapter");
    assertThat(ran.out()).isEqualTo(without + with);
    assertThat(ran.err()).contains("the base model answers", "one answers", "* one");
    assertThat(prompts.subList(prompts.size() - 7, prompts.size()))
        .containsExactly("one> ", "> ", "> ", "> ", "one> ", "one> ", "one> ");
    Ran compared = type(adapters, "the pump", "/compare");
    assertThat(compared.out()).startsWith(with).contains("— one", "— base");
    for (String answer : List.of(with.strip(), without.strip())) {
      assertThat(compared.out().substring(with.length()))
          .contains(answer.lines().findFirst().orElse(""));
    }
  }

  @Test
  void eachAdapterIsAskedByItsOwnTemplate() throws IOException {
    for (String[] of : new String[][] {{"one", "{{ messages[-1].content }}"}, {"two", "a seal:"}}) {
      Path adapter = Files.createDirectories(place.path(of[0]));
      for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
        Path to = adapter.resolve(file);
        Files.copy(place.path("one").resolve(file), to, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.writeString(adapter.resolve("chat_template.jinja"), of[1]);
    }
    List<String> quick = QUICK.subList(2, QUICK.size()); // no --template
    String one = "one=" + place.path("one");
    String two = "two=" + place.path("two");
    String first = type(quick, List.of("--adapter", one), "the pump").out();
    String second = type(quick, List.of("--adapter", two), "the pump").out();
    assertThat(first).isNotEqualTo(second);
    List<String> both = List.of("--adapter", one, "--adapter", two);
    Ran ran = type(quick, both, "the pump", "/new", "/adapter two", "the pump");
    assertThat(ran.out()).as(ran.err()).isEqualTo(first + second);
  }

  @Test
  void anAnswerIsTriedAgainWithAnotherSeed() throws IOException {
    List<String> sampled = List.of("--temperature", "2", "--seed", "5");
    Ran ran = type(sampled, "the pump", "/retry", "/save " + place.path("talk.jsonl"));
    assertThat(saved("talk.jsonl")).hasSize(2);
    String last = saved("talk.jsonl").get(1).get("content").asString() + "\n";
    assertThat(ran.out()).endsWith(last);
    String first = ran.out().substring(0, ran.out().length() - last.length());
    assertThat(first).isNotEmpty().isNotEqualTo(last);
    assertThat(first).isEqualTo(type(sampled, "the pump").out());
    Ran changed = type(sampled, "/params temperature 0", "/params");
    assertThat(changed.err()).contains("temperature          0.0");
  }

  @Test
  void anInterruptStopsTheAnswerAndNotTheConversation() {
    Verb<ChatVerb.Settings> verb =
        new ChatVerb(
            Library::chat,
            (chat, history, interrupt) -> {
              ArrayDeque<String> lines = new ArrayDeque<>(List.of("the pump", "/new", "the pump"));
              return new Typed(lines, prompts, interrupt) {
                @Override
                public @Nullable String next(String prompt) throws Interrupted {
                  if (lines().size() == 3) {
                    interrupt().run(); // as Ctrl-C while the answer comes
                  }
                  return super.next(prompt);
                }
              };
            },
            HISTORY);
    List<String> all = new ArrayList<>(List.of("chat", "--model", "D/model"));
    all.addAll(QUICK);
    Ran ran = place.run(List.of(verb), all.toArray(String[]::new));
    assertThat(ran.code()).isZero();
    assertThat(ran.err()).contains(", stopped)");
    assertThat(ran.out()).endsWith(type(List.of(), "the pump").out());
  }

  @Test
  void mistakesOfAPersonAreToldAndEndNothing() {
    Ran ran =
        type(
            List.of("--adapter", "one=" + place.path("one")),
            "/adaptr one",
            "/adapter two",
            "/adapter on",
            "/retry",
            "/compare",
            "/save",
            "/params temperature hot",
            "/params heat 1",
            Typed.INTERRUPT,
            "a ".repeat(400),
            "a", // an answer may fill the conversation
            "a",
            "/quit",
            "never said");
    assertThat(ran.code()).isZero();
    assertThat(ran.err())
        .contains(
            "there is no /adaptr; /help lists what there is",
            "there is no adapter 'two'; there is one\n",
            "there is no adapter 'on'; did you mean one?\n",
            "there is no answer yet to try again",
            "nothing was said yet; say something first",
            "/save takes a file, such as /save talk.jsonl",
            "--temperature is 'hot'; it must be a number",
            "heat",
            "raise --max-length")
        .doesNotContain("Exception");
    assertThat(ran.out().lines()).isNotEmpty();
  }

  @Test
  void aPipeIsAnsweredLineByLine() {
    Ran lines = piped("the pump\n\n/help\n");
    assertThat(lines.code()).as(lines.err()).isZero();
    Ran json = piped("the pump\n\n/help\n", "--json");
    JsonNode answers = JSON.readTree(json.out()).get("answers");
    assertThat(answers).hasSize(2);
    assertThat(lines.out())
        .isEqualTo(
            answers.get(0).get("completion").asString()
                + "\n"
                + answers.get(1).get("completion").asString()
                + "\n");
    assertThat(lines.err())
        .isEqualTo(
            "nudge: warning: a line that begins with a slash is a message here: commands are for a"
                + " terminal\n");
  }

  @Test
  void aPipeThatFillsTheConversationKeepsItsAnswers() {
    Ran full = piped("the pump\n" + "a ".repeat(400) + "\n", "--json");
    assertThat(full.code()).isEqualTo(1);
    assertThat(JSON.readTree(full.out()).get("answers")).hasSize(1);
    assertThat(full.err()).contains("1 line is answered, the next line is not: ").hasLineCount(1);
  }

  @Test
  void howAnswersAreSampledIsChangedAndUndone() {
    Ran ran =
        type(
            List.of(),
            "/params regex (yes|no)",
            "the pump",
            "/params regex (a",
            "/params regex -",
            "/params n 2",
            "/params heat 1",
            "/params max-tokens 2",
            "the pump",
            "/retry",
            "/compare base base",
            "/save " + place.path("talk.jsonl"));
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out().lines().findFirst())
        .hasValueSatisfying(a -> assertThat(a).isIn("yes", "no"));
    assertThat(ran.err())
        .contains(
            "  regex                (yes|no)",
            "  regex                -",
            "--n is 2",
            "there is no 'heat' to set",
            "  max_tokens           2",
            "cut at --max-tokens",
            "the temperature is 0, which says the same each time",
            "1 answer was stopped or cut, and would be trained as whole");
    assertThat(ran.out()).contains("— base");
  }

  @Test
  void whatAnswersMustMatchIsReadBeforeTheFirstMessage() {
    Ran ran = type(List.of("--regex", "(a"));
    assertThat(ran.code()).isEqualTo(2);
    assertThat(ran.err()).startsWith("nudge: ").contains("(a").hasLineCount(1);
  }

  /// Without a model, and nothing of one is asked.
  @Test
  void whatWasTypedIsForgotten() throws IOException {
    Path history = Files.writeString(folder.resolve("chat-history"), "1:a secret\n");
    Verb<ChatVerb.Settings> verb =
        new ChatVerb(
            (_, _) -> {
              throw new AssertionError("a model is loaded");
            },
            (_, _, _) -> {
              throw new AssertionError("lines are read");
            },
            history);
    Ran ran = place.run(List.of(verb), "chat", "--forget");
    assertThat(ran.err()).isEmpty();
    assertThat(ran.out()).isEqualTo("deleted " + history + "\n");
    assertThat(history).doesNotExist();
    assertThat(place.run(List.of(verb), "chat", "--forget").out())
        .isEqualTo("there is no " + history + "\n");
    assertThat(place.run(List.of(verb), "chat").err())
        .isEqualTo("nudge: --model is missing; it is required\n");
  }

  @Test
  void nothingIsKeptWithNoHistory() {
    List<@Nullable Path> kept = new ArrayList<>();
    Verb<ChatVerb.Settings> verb =
        new ChatVerb(
            Library::chat,
            (_, history, _) -> {
              kept.add(history);
              return new PipedLines(new ByteArrayInputStream(new byte[0]));
            },
            HISTORY);
    List<String> all = new ArrayList<>(List.of("chat", "--model", "D/model"));
    all.addAll(QUICK);
    place.run(List.of(verb), all.toArray(String[]::new));
    all.add("--no-history");
    place.run(List.of(verb), all.toArray(String[]::new));
    assertThat(kept).containsExactly(HISTORY, null);
  }

  private Ran piped(String text, String... flags) {
    Verb<ChatVerb.Settings> verb =
        new ChatVerb(
            Library::chat,
            (chat, history, interrupt) ->
                new PipedLines(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8))),
            HISTORY);
    List<String> all = new ArrayList<>(List.of("chat", "--model", "D/model"));
    all.addAll(QUICK);
    all.addAll(List.of(flags));
    return place.run(List.of(verb), all.toArray(String[]::new));
  }

  @Test
  void wrongUseIsToldInOneLine() {
    for (Map.Entry<List<String>, String> wrong :
        Map.of(
                List.of("--adapter", "=D/one"),
                "--adapter is '=D/one'; it must be a folder, or NAME=FOLDER with a name without"
                    + " blanks",
                List.of("--adapter", "D/one", "--adapter", "one=D/model"),
                "--adapter: two are named 'one'; name them, as in --adapter a=D/model",
                List.of("--logprobs"),
                "--logprobs is for generate; chat shows text alone")
            .entrySet()) {
      Ran ran = type(wrong.getKey());
      assertThat(ran.code()).isEqualTo(2);
      assertThat(ran.err()).startsWith("nudge: " + wrong.getValue()).hasLineCount(1);
    }
    Ran unknown = place.run("chat", "--model", "D/model", "--template", "nothing");
    assertThat(unknown.err())
        .startsWith("nudge: --template nothing is no file and no template; there are ")
        .hasLineCount(1);
    Ran none = place.run("chat", "--model", "D/model");
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err()).contains("D/model has no chat template; name one by --template");
    Ran prompts = place.run("chat", "--model", "D/model", "--adapter", "D/one");
    assertThat(prompts.code()).isEqualTo(2);
    assertThat(prompts.err())
        .isEqualTo(
            "nudge: adapter D/one was trained on prompts, and there is no chat template; ask it by"
                + " nudge generate, or by /v1/completions of nudge serve, or train it on"
                + " messages\n");
  }
}
