
// Tells how the run goes, and loads the page anew when its figures are.
"use strict";
const news = new EventSource("/events"), says = document.querySelector(".live");
news.addEventListener("progress", (e) => { says.textContent = e.data; });
news.addEventListener("changed", () => location.reload());
news.addEventListener("ended", () => { news.close(); says.textContent = "The run has ended. Its report is in its directory."; });
