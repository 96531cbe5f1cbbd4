package dev.nudge.langchain4j;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import java.util.Set;

/// A LangChain4j `StreamingChatModel` that runs in this process and streams tokens to a handler.
///
///     StreamingChatModel model = NudgeStreamingChatModel.of(NudgeChatModel.of(assistant));
///
/// A handler is called by one thread at a time, and a slow handler does not delay other answers.
/// The streaming handle cancels the generation within a token.
///
/// Threading: any number of threads.
///
/// @param model answers the requests
public record NudgeStreamingChatModel(NudgeChatModel model) implements StreamingChatModel {

  /// Returns the streaming variant of a model.
  public static NudgeStreamingChatModel of(NudgeChatModel model) {
    return new NudgeStreamingChatModel(model);
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    try {
      Streaming streaming = new Streaming(request, handler);
      streaming.runs(model.assistant().ask(Questions.of(request, model.sampling()), streaming));
    } catch (RuntimeException e) {
      handler.onError(Responses.failure(e));
    }
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return model.defaults();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return model.listeners();
  }

  @Override
  public ModelProvider provider() {
    return model.provider();
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return model.supportedCapabilities();
  }
}
