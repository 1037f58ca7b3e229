// What the camera shows, as far as this page can tell: light, something to see, a face.
//
// Responsible for: hints before the exam. Not for: judging anything; what counts is decided on the server, by
// rules of its own.

const WIDTH = 64,
  HEIGHT = 48;
/** Starting values, on the scale 0 to 255. */
const DARK = 45,
  BRIGHT = 225,
  FLAT = 6;

/** Looks at a playing video again and again; `onLook({light, view, face})`, each [state, text]. Returns how to stop. */
export function watch(video, onLook) {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const detector = "FaceDetector" in globalThis ? new FaceDetector({ maxDetectedFaces: 2, fastMode: true }) : null;
  const look = async () => {
    if (video.readyState < 2) return;
    context.drawImage(video, 0, 0, WIDTH, HEIGHT);
    const luma = lumaOf(context.getImageData(0, 0, WIDTH, HEIGHT).data);
    onLook({ light: light(luma), view: view(luma), face: await face(detector, video) });
  };
  const timer = setInterval(look, 700);
  return () => clearInterval(timer);
}

function lumaOf(rgba) {
  const luma = new Float32Array(rgba.length / 4);
  for (let i = 0; i < luma.length; i += 1)
    luma[i] = 0.2126 * rgba[4 * i] + 0.7152 * rgba[4 * i + 1] + 0.0722 * rgba[4 * i + 2];
  return luma;
}

/** By the brighter half of the picture: dark clothes or skin do not make a picture dark. */
function light(luma) {
  const sorted = luma.toSorted();
  const upper = sorted[Math.floor(sorted.length * 0.75)],
    lower = sorted[Math.floor(sorted.length * 0.25)];
  if (upper < DARK) return ["bad", "Too dark. Turn on a light, or sit so that it falls on your face."];
  if (lower > BRIGHT) return ["bad", "Too bright. Turn the light down, or away from the camera."];
  return ["good", "The light is fine."];
}

function view(luma) {
  const mean = luma.reduce((sum, value) => sum + value, 0) / luma.length;
  const spread = Math.sqrt(luma.reduce((sum, value) => sum + (value - mean) ** 2, 0) / luma.length);
  return spread < FLAT ? ["bad", "The camera seems to be covered."] : ["good", "The camera has a clear view."];
}

async function face(detector, video) {
  const later = [
    "later",
    "Whether your face is in view is checked on the server once you record. Sit so that you see all of your face above.",
  ];
  const faces = await detector?.detect(video).catch(() => null);
  if (!faces) return later;
  if (faces.length === 0)
    return ["bad", "No face was found. Sit in front of the camera, with all of your face in the picture."];
  return faces.length === 1 ? ["good", "Your face is in view."] : ["bad", "More than one face is in view."];
}
