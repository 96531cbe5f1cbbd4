package dev.nudge.constrain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Seeds;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

/// Hold masks to what pushing each token alone says, and to the vocabulary they are of.
class MaskTest {
  private static final Path SMOL = Path.of("../../shared/models/SmolLM2-135M-Instruct");
  private static final String PERSON =
      """
      {"type": "object", "required": ["name", "age"], "additionalProperties": false,
       "properties": {
         "name": {"type": "string", "minLength": 1},
         "age": {"type": "integer", "minimum": 0, "maximum": 150},
         "mail": {"type": "string", "format": "email"},
         "born": {"type": "string", "format": "date"},
         "kind": {"enum": ["person", "robot"]},
         "friends": {"type": "array", "items": {"$ref": "#"}, "maxItems": 5}}}
      """;
  private static final String ANSWER =
      "{\"name\": \"Ada é日😀\", \"age\": 36, \"born\": \"1815-12-10\", \"kind\": \"person\","
          + " \"friends\": [{\"name\": \"Bob\", \"age\": 7}]}";

  @TempDir Path folder;

  private static boolean pushes(Constraint.State state, int id) {
    try {
      state.push(id);
      return true;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  private static void holdToPushes(Constraint.State state, int vocabulary, String what) {
    long[] mask = state.allowed();
    for (int id = 0; id < vocabulary; id++) {
      assertThat(Walks.has(mask, id)).as("token %d in %s", id, what).isEqualTo(pushes(state, id));
    }
  }

  private static List<Integer> tokens(Tokenizer tokenizer, String text) {
    return Arrays.stream(tokenizer.ids(text)).boxed().toList();
  }

  @Test
  void aMaskIsWhatPushingEachTokenSays() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    int end = tokenizer.eosId();
    Random random = Seeds.random();
    int states = 0;
    for (int n = 0; n < 200; n++) {
      ObjectNode schema = new RandomSchema(random).draw();
      Constraint constraint;
      try {
        constraint = Constraint.jsonSchema(schema.toString(), tokenizer, List.of(end));
      } catch (InputException _) {
        continue; // no value is valid
      }
      Constraint.State state = constraint.start();
      for (int i = 0; i < 15; i++) {
        holdToPushes(state, tokenizer.vocabSize(), schema.toString());
        states++;
        List<Integer> allowed = new ArrayList<>(Walks.ids(state.allowed()));
        allowed.remove((Integer) end);
        if (allowed.isEmpty()) {
          break;
        }
        state = state.push(allowed.get(random.nextInt(allowed.size())));
      }
    }
    assertThat(states).isGreaterThan(1000);
  }

  @Test
  void whatWasFoundOnceIsKept() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    Constraint constraint = Constraint.jsonSchema(PERSON, tokenizer, List.of());
    Constraint.State one = constraint.start();
    Constraint.State two = constraint.start();
    for (int id : tokens(tokenizer, ANSWER)) {
      one = one.push(id);
      two = two.push(id);
      assertThat(two).isSameAs(one);
      assertThat(two.allowed()).isSameAs(one.allowed());
    }
    assertThat(one.complete()).isTrue();
    assertThat(Walks.ids(one.allowed())).isEmpty();
  }

  @Test
  void aMachineThatForgetsAllTheTimeAllowsTheSame() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    TokenTrie words = TokenTrie.of(tokenizer, List.of());
    Rules rules = SchemaCompiler.compile(JsonSchemaTest.JSON.readTree(PERSON), words.writable());
    assertThat(rules.seal()).isTrue();
    Constraint.State state = new GrammarMatcher(rules, words, new BitSet()).start();
    Constraint.State forgetful = new GrammarMatcher(rules, words, new BitSet(), 100).start();
    for (int id : tokens(tokenizer, ANSWER)) {
      state = state.push(id);
      forgetful = forgetful.push(id);
      assertThat(forgetful.allowed()).isEqualTo(state.allowed());
      assertThat(forgetful.complete()).isEqualTo(state.complete());
    }
    assertThat(state.complete()).isTrue();
  }

  @Test
  void anyNumberOfBracketsMayBeOpen() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    TokenTrie words = TokenTrie.of(tokenizer, List.of());
    Rules rules = SchemaCompiler.compile(JsonSchemaTest.JSON.readTree("{}"), words.writable());
    assertThat(rules.seal()).isTrue();
    for (long most : new long[] {300_000, Long.MAX_VALUE}) { // the first forgets a few times
      int depth = most == Long.MAX_VALUE ? 20_000 : 3_000;
      Constraint.State state = new GrammarMatcher(rules, words, new BitSet(), most).start();
      for (String bracket : List.of("[", "]")) {
        int id = tokenizer.id(bracket).orElseThrow();
        for (int i = 0; i < depth; i++) {
          assertThat(state.complete()).isFalse();
          state = state.push(id);
        }
        assertThat(Walks.ids(state.allowed()).isEmpty()).isEqualTo(state.complete());
      }
      assertThat(state.complete()).isTrue();
    }
  }

  @Test
  void threadsShareAConstraint() throws Exception {
    Tokenizer tokenizer = Walks.trained(folder);
    int end = tokenizer.eosId();
    Constraint constraint = Constraint.jsonSchema(PERSON, tokenizer, List.of(end));
    long seed = Seeds.next();
    List<Callable<List<String>>> walks = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      Random random = new Random(seed);
      walks.add(
          () -> {
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
              texts.add(String.valueOf(Walks.text(constraint, tokenizer, end, random, 10)));
            }
            return texts;
          });
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<List<String>>> made = threads.invokeAll(walks);
      for (Future<List<String>> one : made) {
        assertThat(one.get()).isEqualTo(made.getFirst().get());
      }
    }
  }

  /// Writes a byte-level tokenizer of some tokens, given as they are in a text or in bytes as
  /// letters.
  private Tokenizer of(String... tokens) throws IOException {
    Map<String, Integer> vocab = new TreeMap<>();
    for (String token : tokens) {
      vocab.put(token, vocab.size());
    }
    Map<String, Object> level =
        Map.of("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true);
    Map<String, Object> model = Map.of("type", "BPE", "vocab", vocab, "merges", List.of());
    Map<String, Object> all =
        Map.of("version", "1.0", "added_tokens", List.of(), "decoder", level, "model", model);
    Files.writeString(
        folder.resolve("tokenizer.json"), JsonSchemaTest.JSON.writeValueAsString(all));
    return Tokenizer.load(folder);
  }

  @Test
  void whereBytesLackATextIsOfTheCharactersThatCanBeWritten() throws IOException {
    // é whole; the first two bytes of 日 (E6 97 A5), and its last alone; the first byte of é
    Tokenizer tokenizer = of("a", "b", "Ã©", "æĹ", "¥", "Ã");
    Constraint constraint = Constraint.regex("(a|é|日)*", tokenizer, List.of());
    List<Integer> allowed = Walks.ids(constraint.start().allowed());
    assertThat(allowed)
        .containsExactlyInAnyOrder(
            tokenizer.id("a").orElseThrow(), tokenizer.id("Ã©").orElseThrow());
    assertThat(constraint.start().push(tokenizer.id("Ã©").orElseThrow()).complete()).isTrue();
    assertThatThrownBy(() -> Constraint.regex("a日", tokenizer, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("that the tokenizer can write");
    assertThatThrownBy(() -> Constraint.jsonSchema("{}", tokenizer, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("that the tokenizer can write");
  }

  @Test
  void oneTokenMayNotNeedMoreStatesThanTheLimitAndAnotherConstraintGoesOn() throws IOException {
    // behind a token of n characters any of 38,000 places may be reached, for each n another set
    Tokenizer tokenizer = of("a", "b", "ab".repeat(20));
    Constraint constraint = Constraint.regex("(a?b?){19000}", tokenizer, List.of());
    assertThatThrownBy(() -> constraint.start().allowed())
        .isInstanceOf(InputException.class)
        .hasMessage(
            "the constraint has more than 15 MB of states at one token; use smaller lengths and"
                + " counts");
    assertThat(constraint.cachedBytes()).isZero();
    Constraint small = Constraint.regex("(a?b?){9}", tokenizer, List.of());
    assertThat(Walks.ids(small.start().allowed())).hasSize(2);
  }

  @Test
  void aConstraintThatMayKeepLittleAllowsTheSame() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    Constraint free = Constraint.jsonSchema(PERSON, tokenizer, List.of());
    Constraint bound = Constraint.jsonSchema(PERSON, tokenizer, List.of());
    bound.limitCache(1000);
    Constraint.State one = free.start();
    Constraint.State two = bound.start();
    for (int i = 0; i < 20 && !Walks.ids(one.allowed()).isEmpty(); i++) {
      assertThat(two.allowed()).isEqualTo(one.allowed());
      assertThat(bound.cachedBytes()).isLessThanOrEqualTo(1000);
      int id = Walks.ids(one.allowed()).getLast();
      one = one.push(id);
      two = two.push(id);
    }
    assertThat(free.cachedBytes()).isGreaterThan(1000);
  }

  @Test
  void anEndThatIsATextElsewhereIsNoPartOfOne() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    int stop = tokenizer.id("b").orElseThrow();
    int a = tokenizer.id("a").orElseThrow();
    Constraint constraint = Constraint.regex("a[abc]?", tokenizer, List.of(stop));
    assertThat(Walks.has(constraint.start().allowed(), stop)).isFalse();
    Constraint.State behind = constraint.start().push(a);
    assertThat(Walks.has(behind.allowed(), stop)).isTrue();
    assertThat(behind.push(stop)).isSameAs(behind);
    assertThat(Walks.has(behind.allowed(), tokenizer.eosId())).isFalse();
  }

  @Test
  void bytesOfTokensAreWhatTheyAddToATextThatIsDecoded() throws IOException {
    assumeTrue(Files.isDirectory(SMOL));
    Tokenizer tokenizer = Tokenizer.load(SMOL);
    Random random = Seeds.random();
    for (int n = 0; n < 300; n++) {
      int[] ids = random.ints(20, 0, tokenizer.vocabSize()).toArray();
      byte[] all = new byte[20 * 300];
      int length = 0;
      for (int id : ids) {
        byte[] token = tokenizer.bytes(id);
        for (int i = 0; token != null && i < token.length; i++) {
          all[length++] = token[i];
        }
      }
      assertThat(new String(all, 0, length, StandardCharsets.UTF_8))
          .isEqualTo(tokenizer.decode(ids, true));
    }
  }

  @Test
  void masksOfALargeVocabularyAreExactAndFoundOnce() {
    assumeTrue(Files.isDirectory(SMOL));
    Tokenizer tokenizer = Tokenizer.load(SMOL);
    int end = tokenizer.eosId();
    Constraint constraint = Constraint.jsonSchema(PERSON, tokenizer, List.of(end));
    Constraint.State state = constraint.start();
    List<Integer> ids = tokens(tokenizer, ANSWER);
    List<long[]> found = new ArrayList<>();
    for (int id : ids) {
      found.add(state.allowed());
      state = state.push(id);
    }
    assertThat(Walks.has(state.allowed(), end)).isTrue();
    state = constraint.start();
    for (int i = 0; i < ids.size(); i++) {
      assertThat(state.allowed()).isSameAs(found.get(i));
      state = state.push(ids.get(i));
    }
    state = constraint.start();
    for (int i = 0; i < ids.size(); i++) {
      if (i % 7 == 0) {
        holdToPushes(state, tokenizer.vocabSize(), "token " + i);
      }
      state = state.push(ids.get(i));
    }
  }
}
