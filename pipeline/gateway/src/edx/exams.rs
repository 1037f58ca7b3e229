//! Exams of platforms, which are only named here, and how this back end is configured.

use axum::Json;
use axum::extract::Path;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::guard::Asking;
use crate::error::Problem;
use crate::limits::body::Input;

/// Longest names that are looked at, in bytes.
const LONGEST: usize = 1_024;

/// What of an exam says which one it is. All else stays the platform's.
#[derive(Debug, Deserialize)]
pub struct Exam {
    course_id: String,
    content_id: String,
}

/// The name of an exam.
#[derive(Debug, Serialize)]
pub struct ExamId {
    id: String,
}

/// `POST /edx/api/v1/exam/`
pub async fn create(asking: Asking, Input(exam): Input<Exam>) -> Result<Json<ExamId>, Problem> {
    if exam.course_id.len().max(exam.content_id.len()) > LONGEST {
        return Err(Problem::unprocessable("the names are too long"));
    }
    Ok(Json(ExamId { id: asking.platform.exam_id(&exam.course_id, &exam.content_id) }))
}

/// `POST /edx/api/v1/exam/{exam}/`: nothing that a platform may change of an exam is kept here.
pub async fn update(
    asking: Asking,
    Path(id): Path<String>,
    Input(_): Input<Map<String, Value>>,
) -> Result<Json<ExamId>, Problem> {
    read(asking, Path(id)).await
}

/// `GET /edx/api/v1/exam/{exam}/`
pub async fn read(asking: Asking, Path(id): Path<String>) -> Result<Json<ExamId>, Problem> {
    if !asking.platform.owns(&id) {
        return Err(Problem::not_found());
    }
    Ok(Json(ExamId { id }))
}

/// `GET /edx/api/v1/config/`: there is no software to install, and rules are a policy's.
pub async fn config(asking: Asking) -> Json<Value> {
    Json(json!({ "name": asking.platform.name, "rules": {}, "download_url": null }))
}

/// `DELETE /edx/api/v1/user/{user}/`: who a candidate is was never kept; their sessions go by their age, or are deleted
/// by an operator.
pub async fn retire_user(_: Asking, Path(_): Path<String>) -> Json<bool> {
    Json(true)
}
