//! Owns the shapes of what guards a campaign.

use utoipa::ToSchema;

/// What guards a campaign. This version enforces none of its parts, and refuses them by name.
#[derive(ToSchema)]
pub(crate) struct Protection {}
