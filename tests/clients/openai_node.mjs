// One question in every way that OpenAI's client for Node asks it; prints what came back as JSON.
import OpenAI from "openai";

const [baseURL, apiKey, model, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: question }];

const completion = await client.chat.completions.create({ model, messages });
let streamed = "";
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
}
const response = await client.responses.create({ model, input: question });
let events = "";
for await (const event of await client.responses.create({ model, input: question, stream: true })) {
  if (event.type === "response.output_text.delta") events += event.delta;
}
let refused = null;
try {
  await client.chat.completions.create({ model: "kb/no-such-base", messages });
} catch (error) {
  refused = [error.status, error.code, error.param];
}
const { content, annotations } = completion.choices[0].message;
console.log(JSON.stringify({ content, annotations, streamed, response: response.output_text, events, refused }));
