package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What is said if a prompt has not the form that an adapter was trained on.
class AdapterPatternsTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  @TempDir Path folder;
  private final List<String> warnings = new ArrayList<>();

  @BeforeEach
  void anAdapterOfPrompts() throws IOException {
    Files.createDirectories(folder);
    Identity.Model model = new Identity.Model(MODEL, null, () -> BaseDigest.of(MODEL, folder));
    Identity.of(model, Map.of("prompt", "Q: {text}\nA:", "spoken", false)).write(folder);
  }

  private List<String> check(String prompt) {
    AdapterPatterns.check(prompt, folder, true, warnings::add);
    return warnings;
  }

  @Test
  void aPromptOfTheFormIsTakenWithoutAWord() {
    assertThat(check("Q: where?\nA:")).isEmpty();
  }

  @Test
  void anotherPromptIsWarnedOf() {
    assertThat(check("where?"))
        .singleElement()
        .asString()
        .endsWith("was trained on prompts of the form 'Q: {text}\\nA:', which this one has not");
  }

  @Test
  void aLineBreakThatIsWrittenAsAnEscapeIsNamed() {
    assertThat(check("Q: where?\\nA:"))
        .singleElement()
        .asString()
        .endsWith("; \\n is two characters here, so give a real line break");
  }

  @Test
  void aChatWithAnAdapterOfPromptsNamesTheirForm() {
    AdapterPatterns.checkSpoken(true, folder, true, warnings::add);
    assertThat(warnings)
        .singleElement()
        .asString()
        .contains("was trained on prompts of the form 'Q: {text}\\nA:', and conversations");
  }

  private List<String> tasks(boolean spoken, String... prompts) {
    AdapterPatterns.checkTasks(spoken, List.of(prompts), folder, true, warnings::add);
    return warnings;
  }

  @Test
  void tasksOfAnotherFormAreWarnedOfOnce() {
    assertThat(tasks(false, "where?", "Question: where?"))
        .singleElement()
        .asString()
        .contains("prompts of the form 'Q: {text}\\nA:', and no task asks so; doc_to_text");
  }

  @Test
  void oneTaskOfTheFormIsEnoughAndNoTaskOfPromptsSaysNothing() {
    assertThat(tasks(false, "where?", "Q: where?\nA:")).isEmpty();
    assertThat(tasks(false)).isEmpty();
  }

  @Test
  void tasksByAChatTemplateAreWarnedOf() {
    assertThat(tasks(true, "Q: where?\nA:"))
        .singleElement()
        .asString()
        .endsWith("go to it by a chat template; leave --apply-chat-template out");
  }
}
