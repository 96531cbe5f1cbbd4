import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.nudge.chat.Assistant;
import dev.nudge.langchain4j.NudgeChatModel;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.ModelSettings;
import java.nio.file.Path;

/// Asks an adapter by LangChain4j in this process: `MODEL ADAPTER [TEMPLATE]`.
final class Frameworks {
  public static void main(String[] args) {
    Path model = Path.of(args[0]);
    Path adapter = Path.of(args[1]);
    String template = args.length > 2 ? args[2] : null; // else the adapter's or the model's own
    try (Assistant assistant =
        Assistant.open(ModelSettings.of(model), template, null, Machine.here(), IO::println)) {
      assistant.name("support", adapter.toString());

      ChatModel chat = NudgeChatModel.of(assistant);
      ChatRequest request =
          ChatRequest.builder()
              .modelName("support")
              .messages(UserMessage.from("Where is my order?"))
              .maxOutputTokens(40)
              .build();
      IO.println("answer: " + chat.chat(request).aiMessage().text());
    }
  }
}
